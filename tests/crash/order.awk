# SPDX-License-Identifier: Apache-2.0
# order.awk - read the calls of a command that changes the store (strace -y,
# variables: store) and say where a name comes before its bytes, the ledger
# before a name, or the result before the ledger. The last line counts what was
# seen: names, commits. What is in trees/ is derived and may come in any order;
# but no tree is said to be synced before it is.

function bad(what) {
	print "line " NR ": " what ": " $0
	failed++
}

# The path behind the Nth "<…>" of the line.
function path(n,   s) {
	s = $0
	while (n-- > 1)
		sub(/^[^<]*<[^>]*>/, "", s)
	if (!match(s, /<[^>]*>/))
		return ""
	return substr(s, RSTART + 1, RLENGTH - 2)
}

# The Nth string of the line.
function text(n,   part) {
	split($0, part, "\"")
	return part[2 * n]
}

function inside(p) {
	return index(p, store "/") == 1
}

function is_tmp(p) {
	return index(p, store "/tmp") == 1
}

function ledger(p) {
	return index(p, store "/ledger.db") == 1
}

# A file without a name, or one that is given up when it gets another, has bytes
# that are not synced; of what is in tmp/ a syncfs is due.
function wrote(p) {
	if (ledger(p)) {
		for (n in unsynced_name)
			bad("the ledger is written before " n " lasts")
		committed = 0
	} else if (inside(p)) {
		unsynced[p] = 1
		if (is_tmp(p))
			unsynced_tmp = 1
	}
}

# A tree is derived from what is in the store, and none is used after another
# boot before it was looked at: it need not last.
function derived(p) {
	return index(p, store "/trees/") == 1
}

function named(p) {
	if (p == store "/format" && !committed)
		bad("the store is finished before its ledger")
	unsynced_name[p] = 1
	names++
}

BEGIN { unsynced_tree = 1 }

{ call = $2; sub(/\(.*/, "", call); result = $NF }
/ = -1 / || /resumed>/ { next }
call == "write" || call == "pwrite64" {
	p = path(1)
	if ($0 ~ /write\(1</) {
		if (!committed)
			bad("the result comes before the commit")
		for (n in unsynced_name)
			bad("the result comes before " n " lasts")
		said++
	}
	if (is_tmp(p) && $0 ~ /, 7\) += 7$/) # "synced" and a line feed
		mark[p] = 1
	wrote(p)
}
(call == "openat" && /O_CREAT/) || call == "symlinkat" || call == "mkdirat" {
	if (is_tmp(path(1)))
		unsynced_tmp = 1
}
call == "fsync" || call == "fdatasync" {
	p = path(1)
	delete unsynced[p]
	for (n in unsynced_name) {
		dir = n
		sub(/\/[^\/]*$/, "", dir)
		if (dir == p)
			delete unsynced_name[n]
	}
	if (p == store "/ledger.db")
		written = 1
	if (p == store "/ledger.db-journal" && written) {
		commits++
		committed = 1
		written = 0
	}
}
call == "syncfs" {
	delete unsynced
	delete unsynced_name
	unsynced_tmp = unsynced_tree = 0
}
call == "linkat" {
	if (text(1) ~ /^\/proc\/self\/fd\//) {
		to = path(2)
		if (inside(to "/")) {
			for (p in unsynced)
				if (index(p, to "/#") == 1)
					bad("a name comes before its bytes")
			named(to "/" text(2))
		}
	} else if (is_tmp(path(2)))
		unsynced_tmp = 1
}
call == "renameat2" || call == "renameat" {
	to = path(2) "/" text(2)
	if (derived(to)) {
		unsynced_tmp = 0
		if ((path(1) "/" text(1)) in mark && unsynced_tree)
			bad("a tree is marked as synced before it is")
		if (to !~ /\.(index|mark)$/)
			unsynced_tree = 1
	}
	if (inside(to) && !is_tmp(to) && !derived(to)) {
		if (unsynced_tmp)
			bad("a name comes before its bytes")
		named(to)
	}
}
call == "unlinkat" && path(1) == store "/artifacts" { gone = 1 }
(call == "fsync" && path(1) == store "/artifacts") || call == "syncfs" {
	gone = 0
}
call == "unlinkat" && path(1) == store "/chunks" {
	removed++
	if (gone)
		bad("a chunk goes before the record that needs it")
}
END {
	for (n in unsynced_name)
		bad("in the end " n " need not last")
	if (!said)
		bad("no result")
	print names + 0 " names, " commits + 0 " commits, " removed + 0 " removed"
	exit failed > 0
}
