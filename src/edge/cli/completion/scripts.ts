/** Scripts for shells that ask `docket completion words` for what could come next. */
export const COMPLETION_SCRIPTS = {
  bash: `_docket() {
  local IFS=$'\\n'
  COMPREPLY=($(docket completion words -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _docket docket
`,
  zsh: `#compdef docket
_docket() {
  local -a found
  found=("\${(@f)$(docket completion words -- "\${words[@]:1:$((CURRENT - 1))}" 2>/dev/null)}")
  if [[ -n "$found" ]]; then compadd -a found; else _files; fi
}
compdef _docket docket
`,
  fish: `function __docket_words
  set -l before (commandline -opc)
  docket completion words -- $before[2..-1] (commandline -ct) 2>/dev/null
end
complete -c docket -a '(__docket_words)'
`,
} as const;
