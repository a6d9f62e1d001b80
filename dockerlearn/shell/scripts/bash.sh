# Runs in the learner's interactive bash, after her own start-up files. The lines above set what is used here:
# __dl_secret, __dl_program, __dl_words, __dl_folder, __dl_arrays and the function __dl_environment.

__dl_mark() { builtin printf '\e]7717;%s;%s\a' "$__dl_secret" "$1" >&2; }

# First in PROMPT_COMMAND: a command has ended.
__dl_first() {
  __dl_status=$?
  __dl_told=1
  __dl_mark "D;$__dl_status"
  return "$__dl_status"
}

# Last in PROMPT_COMMAND: the prompt follows.
__dl_last() {
  local status=$?
  if [[ -z ${__dl_told-} ]]; then __dl_mark "D;$status"; fi
  __dl_told=
  __dl_stand_in_place
  __dl_number=${HISTCMD-}
  __dl_mark A
  return "$status"
}

# Whatever was added to PROMPT_COMMAND meanwhile stands between the two. In an array the last one has a number that
# nobody else uses, by which PS0 puts it back when a start-up file was read again and made the array anew.
__dl_stand_in_place() {
  local one
  if ((__dl_arrays)); then
    [[ ${PROMPT_COMMAND[0]-} == __dl_first && ${PROMPT_COMMAND[-1]-} == __dl_last && ${PROMPT_COMMAND[7717]-} ]] && return
    local -a kept=()
    for one in "${PROMPT_COMMAND[@]}"; do
      one=${one//__dl_first/:}
      one=${one//__dl_last/:}
      [[ $one == : ]] || kept+=("$one")
    done
    PROMPT_COMMAND=(__dl_first "${kept[@]}")
    PROMPT_COMMAND[7717]=__dl_last
  else
    # In a bash within this one, to which an exported PROMPT_COMMAND comes, these words are nothing.
    local first='${__dl_secret:+"__dl_first"}' last='${__dl_secret:+"__dl_last"}'
    one=${PROMPT_COMMAND-}
    [[ $one == "$first"$'\n'*$'\n'"$last" ]] && return
    one=${one//"$first"/:}
    one=${one//"$last"/:}
    PROMPT_COMMAND=$first$'\n'${one:-:}$'\n'$last
  fi
}

# The line that is about to be run, without what would end the mark; first whether it is surely this one.
__dl_typed() {
  local line sure=1
  line=$(HISTTIMEFORMAT='' builtin history 1 2>/dev/null)
  [[ $line =~ ^\ *[0-9]+[*\ ]\ (.*)$ ]] && line=${BASH_REMATCH[1]}
  [[ ${HISTCMD-} == "${__dl_number-}" ]] && sure=0
  line=${line:0:4096}
  line=${line//%/%25}
  line=${line//$'\n'/%0A}
  line=${line//$'\t'/%09}
  builtin printf '%s;%s' "$sure" "${line//[[:cntrl:]]/ }"
}

# The learner's words, unless something of hers has the name.
__dl_run() { "${__dl_program[@]}" "$@"; }

__dl_install() {
  local word
  builtin type -t dl >/dev/null || builtin eval 'function dl { __dl_run "$@"; }'
  builtin type -t dockerlearn >/dev/null || builtin eval 'function dockerlearn { __dl_run "$@"; }'
  for word in "${__dl_words[@]}"; do
    builtin type -t "$word" >/dev/null || builtin eval "function $word { __dl_run $word \"\$@\"; }"
  done
  __dl_environment
  builtin cd -- "$__dl_folder" 2>/dev/null
  __dl_status=0
  __dl_stand_in_place
  local typed='0;' heal='${PROMPT_COMMAND[7717]:=__dl_last}'
  ((__dl_arrays)) || heal=
  if shopt -q promptvars; then typed='$(__dl_typed)'; else heal=; fi
  PS0=${PS0-}$'\e]7717;'$__dl_secret";C;$typed"$'\a'
  # The expansion mends, and what it prints is not part of any mark that is read.
  [[ -z $heal ]] || PS0=$'\e]7717;'$__dl_secret";H;$heal"$'\a'$PS0
  builtin export -n __dl_secret
}
__dl_install
builtin unset -f __dl_install
