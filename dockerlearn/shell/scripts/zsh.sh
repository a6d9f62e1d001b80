# The .zshenv of the tutor's own ZDOTDIR: gives the learner's back, and waits for the first prompt, when all of her own
# start-up files have been read. The lines above set __dl_secret, __dl_program, __dl_words, __dl_folder, the function
# __dl_environment, and __dl_zdotdir where she had a ZDOTDIR.

if (( ${+__dl_zdotdir} )); then export ZDOTDIR=$__dl_zdotdir; else unset ZDOTDIR; fi
unset __dl_zdotdir

__dl_mark() { builtin print -rn -- $'\e]7717;'"$__dl_secret;$1"$'\a' >$TTY }

__dl_first() {
  local __dl_was=$?
  emulate -L zsh
  __dl_mark "D;$__dl_was"
  return $__dl_was
}

__dl_last() {
  local __dl_was=$?
  emulate -L zsh
  __dl_stand_in_place
  __dl_mark A
  return $__dl_was
}

# A command line is about to be run; $1 is what was typed.
__dl_begin() {
  local __dl_was=$?
  emulate -L zsh
  __dl_stand_in_place
  local line=${1[1,4096]}
  line=${line//\%/%25}
  line=${line//$'\n'/%0A}
  line=${line//$'\t'/%09}
  __dl_mark "C;1;${line//[[:cntrl:]]/ }"
  return $__dl_was
}

# A line was read: the place from which the others are put back when a start-up file was read again.
__dl_read() {
  emulate -L zsh
  if (( ${+functions[__dl_install]} )); then __dl_install; else __dl_stand_in_place; fi
  return 0
}

__dl_stand_in_place() {
  emulate -L zsh
  typeset -ga precmd_functions preexec_functions zshaddhistory_functions
  [[ ${precmd_functions[1]-} == __dl_first && ${precmd_functions[-1]-} == __dl_last ]] ||
    precmd_functions=(__dl_first ${precmd_functions:#__dl_*} __dl_last)
  [[ ${preexec_functions[-1]-} == __dl_begin ]] ||
    preexec_functions=(${preexec_functions:#__dl_*} __dl_begin)
  [[ ${zshaddhistory_functions[1]-} == __dl_read ]] ||
    zshaddhistory_functions=(__dl_read ${zshaddhistory_functions:#__dl_*})
}

# The learner's words, unless something of hers has the name.
__dl_run() { "${__dl_program[@]}" "$@" }

__dl_install() {
  emulate -L zsh
  local word
  for word in dl dockerlearn $__dl_words; do
    whence -- $word >/dev/null && continue
    if [[ $word == (dl|dockerlearn) ]]; then functions[$word]='__dl_run "$@"'
    else functions[$word]="__dl_run $word \"\$@\""; fi
  done
  __dl_environment
  builtin cd -q -- $__dl_folder 2>/dev/null
  unfunction __dl_install
  __dl_last
}

[[ -r ${ZDOTDIR:-$HOME}/.zshenv ]] && builtin source "${ZDOTDIR:-$HOME}/.zshenv"

if [[ -o interactive ]]; then
  typeset -ga precmd_functions zshaddhistory_functions
  precmd_functions+=(__dl_install)
  zshaddhistory_functions+=(__dl_read)
fi
