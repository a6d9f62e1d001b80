import sys

sys.stdout.write("code @{word}\n")
