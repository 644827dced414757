// User dumps of NT 4 and Windows 2000 (USERDUMP, USERDU64), as the records of a minidump, so that
// all that follows serves both.  Layouts: formats/userdump.h.
//
// No public source settles every rule of the format, and no real file was at hand.  Where a rule is
// open the dump itself decides (a sum that must equal the file's size, text that must be text);
// when it does not decide, only that is used on which all readings agree, and a note says so.
#pragma once

#include "dump/minidump.h"

namespace dumptriage::dump {

// Signature and valid-dump mark.
bool is_userdump(ByteView file);
// "NT 4 user dump (USERDUMP) of Windows NT 4.0 (build 1381), x86".  For files that pass
// is_userdump.
std::string describe_userdump(ByteView file);
// An Error when the header is not whole; everything else is a note.
Result<MinidumpParts> read_userdump(ByteView file, Notes& notes);

} // namespace dumptriage::dump
