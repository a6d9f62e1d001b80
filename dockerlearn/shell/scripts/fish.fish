# Sourced by the learner's interactive fish, after her own configuration. The lines above set __dl_secret, __dl_program,
# __dl_words, __dl_folder and the function __dl_environment.

function __dl_mark
    builtin printf '\e]7717;%s;%s\a' $__dl_secret $argv[1]
end

function __dl_begin --on-event fish_preexec
    # Spaces alone are an event to fish, and no command to anybody.
    builtin string match --quiet --regex '\S' -- "$argv[1]"; or return
    set --local line (builtin string sub --length 4096 -- "$argv[1]" | builtin string collect)
    __dl_mark "C;1;"(builtin string escape --style=url -- $line)
end

function __dl_done --on-event fish_postexec
    __dl_mark "D;$status"
end

function __dl_prompt --on-event fish_prompt
    __dl_mark A
end

# The learner's words, unless something of hers has the name.
function __dl_run
    $__dl_program $argv
end

function __dl_install
    for word in dl dockerlearn $__dl_words
        type --query -- $word; and continue
        if contains -- $word dl dockerlearn
            eval "function $word; __dl_run \$argv; end"
        else
            eval "function $word; __dl_run $word \$argv; end"
        end
    end
    __dl_environment
    builtin cd -- $__dl_folder 2>/dev/null
end
__dl_install
functions --erase __dl_install
