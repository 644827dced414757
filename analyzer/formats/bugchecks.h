// Names of STOP codes and what their four parameters mean.
// Source: Microsoft's public bug check code reference; table: tables/bugchecks.def, made by
// tools/gen_tables.py.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace dumptriage::formats {

// What a program may do with a parameter.
enum class ParameterRole {
  none,      // not described, reserved or always zero
  va,        // data address
  ip,        // code address: a faulting instruction
  irql,      // IRQL
  access,    // 0 read, 1 write, 8 (older: 2, 0x10) execute
  exception, // NTSTATUS of an exception
  status,    // NTSTATUS
  trapframe, // address of a KTRAP_FRAME
  cxr,       // address of a CONTEXT
  exr,       // address of an EXCEPTION_RECORD
  irp,       // address of an IRP
  devobj,    // address of a DEVICE_OBJECT
  fileobj,   // address of a FILE_OBJECT
  mdl,       // address of an MDL
  srcline,   // high word: source file id, low word: line
  type,      // selects what the other parameters mean
  code,      // address of a routine
  thread,    // address of a KTHREAD
  process,   // address of an EPROCESS
  prcb,      // address of a KPRCB
  eresource, // address of an ERESOURCE
  ustr,      // address of a UNICODE_STRING
  str,       // address of a string
  pool,      // address of a pool header or block
  object,    // address of a kernel object
  handle,    // handle
  hive,      // address of a registry hive
  base,      // base address
  pa,        // physical address
  trap,      // CPU trap number
  val,       // plain value
};
std::string_view name_of(ParameterRole role); // "va", "ip", ...; empty for none

struct BugcheckInfo {
  std::uint32_t code = 0;
  std::string_view name;                      // "IRQL_NOT_LESS_OR_EQUAL"
  std::array<std::string_view, 4> parameters; // meanings; empty when not described
  std::array<ParameterRole, 4> roles{};
  std::string_view note; // may be empty
};

// The row of `code` itself, else the one of its plain form; nullptr when neither is known.
const BugcheckInfo* find_bugcheck(std::uint32_t code);

// The plain form of an M code: 0x1000007E is 0x7E.  Every other code is returned as it is.
std::uint32_t normalized_bugcheck(std::uint32_t code);

} // namespace dumptriage::formats
