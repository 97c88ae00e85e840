# SPDX-License-Identifier: GPL-3.0-or-later
# bash completion of ptdiag: ptdiag itself knows its words.
_ptdiag() {
	local IFS=$'\n'
	mapfile -t COMPREPLY < <(ptdiag complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _ptdiag ptdiag
