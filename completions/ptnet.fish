# SPDX-License-Identifier: GPL-3.0-or-later
# fish completion of ptnet: ptnet itself knows its words.
function __ptnet_words
    set -l words (commandline -opc) (commandline -ct)
    ptnet complete -- $words[2..-1] 2>/dev/null
end
complete -c ptnet -a '(__ptnet_words)'
