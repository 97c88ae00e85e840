# SPDX-License-Identifier: GPL-3.0-or-later
# bash completion of ptsh: ptsh itself knows its words.
_ptsh() {
	local IFS=$'\n'
	mapfile -t COMPREPLY < <(ptsh complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _ptsh ptsh
