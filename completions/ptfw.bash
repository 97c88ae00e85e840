# SPDX-License-Identifier: GPL-3.0-or-later
# bash completion of ptfw: ptfw itself knows its words.
_ptfw() {
	local IFS=$'\n'
	mapfile -t COMPREPLY < <(ptfw complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _ptfw ptfw
