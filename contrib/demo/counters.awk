# SPDX-License-Identifier: GPL-3.0-or-later
# `ptfw rule show -s -d -o` (key=value, one rule a line) to
# "NAME ACTION FILE:LINE PACKETS DIRECTION".
function value(key,    rest)
{
	if (!match($0, "(^|[ \t])" key "="))
		return ""
	rest = substr($0, RSTART + RLENGTH)
	if (rest ~ /^"/) {
		rest = substr(rest, 2)
		return substr(rest, 1, index(rest, "\"") - 1)
	}
	sub(/[ \t].*/, "", rest)
	return rest
}
{
	file = value("file")
	sub(/.*\//, "", file)
	direction = value("rule") ~ /^[a-z]+( (drop|return[a-z0-9-]*))?( \([^)]*\))? out / ? "out" : "in"
	print value("name"), value("action"), file ":" value("line"), value("packets") + 0, direction
}
