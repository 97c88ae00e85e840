# SPDX-License-Identifier: GPL-3.0-or-later
# bash completion of ptconf: ptconf itself knows its words.
_ptconf() {
	local IFS=$'\n'
	mapfile -t COMPREPLY < <(ptconf complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _ptconf ptconf
