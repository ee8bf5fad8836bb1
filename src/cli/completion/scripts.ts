/**
 * Scripts that ask `winnow __complete` for the words that fit. It answers a line each: the word, a tab, what it is; no
 * line where a file or nothing is expected. They are plain shell, so that a start of Node is all that a Tab costs.
 */
export const SCRIPTS = {
  bash: `# bash completion for winnow
_winnow() {
  local line=\${COMP_LINE:0:COMP_POINT} word shown
  local -a words=()
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  word=\${words[\${#words[@]} - 1]}
  # bash breaks words at = and : and wants what stands behind.
  local before=\${word%"\${word##*[=:]}"}
  COMPREPLY=()
  while IFS= read -r shown; do
    shown=\${shown%%$'\\t'*}
    COMPREPLY+=("\${shown#"$before"}")
  done < <(winnow __complete "\${words[@]:1}" 2>/dev/null)
  if [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == *[=,] ]]; then compopt -o nospace 2>/dev/null; fi
}
complete -o default -F _winnow winnow`,
  zsh: `#compdef winnow
_winnow() {
  local line
  local -a found
  while IFS= read -r line; do
    found+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done < <(winnow __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( \${#found} )); then _describe -V 'winnow' found; else _files; fi
}
if [[ \${funcstack[1]} == _winnow ]]; then _winnow "$@"; else compdef _winnow winnow; fi`,
  fish: `# fish completion for winnow
function __winnow_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l found (winnow __complete $words[2..-1] 2>/dev/null)
  if test (count $found) -gt 0
    printf '%s\\n' $found
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c winnow -f -a '(__winnow_complete)'`,
} as const;
