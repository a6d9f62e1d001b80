"""What a lesson is: its model, how it is read and where packs live."""
