# SPDX-License-Identifier: GPL-3.0-or-later
# bash completion of ptnet: ptnet itself knows its words.
_ptnet() {
	local IFS=$'\n'
	mapfile -t COMPREPLY < <(ptnet complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _ptnet ptnet
