#include "formats/bugchecks.h"

#include <algorithm>
#include <iterator>

namespace dumptriage::formats {
namespace {

using enum ParameterRole;

constexpr BugcheckInfo kBugchecks[] = {
#define BUGCHECK(code, name, r1, r2, r3, r4, p1, p2, p3, p4, note)                                 \
  {code, name, {p1, p2, p3, p4}, {r1, r2, r3, r4}, note},
#include "formats/tables/bugchecks.def"
#undef BUGCHECK
};
static_assert(std::ranges::is_sorted(kBugchecks, std::ranges::less_equal{}, &BugcheckInfo::code));

const BugcheckInfo* row_of(std::uint32_t code) {
  const auto* row = std::ranges::lower_bound(kBugchecks, code, {}, &BugcheckInfo::code);
  return row != std::end(kBugchecks) && row->code == code ? row : nullptr;
}

} // namespace

std::string_view name_of(ParameterRole role) {
  switch (role) {
  case none: return "";
  case va: return "va";
  case ip: return "ip";
  case irql: return "irql";
  case access: return "access";
  case exception: return "exception";
  case status: return "status";
  case trapframe: return "trapframe";
  case cxr: return "cxr";
  case exr: return "exr";
  case irp: return "irp";
  case devobj: return "devobj";
  case fileobj: return "fileobj";
  case mdl: return "mdl";
  case srcline: return "srcline";
  case type: return "type";
  case ParameterRole::code: return "code";
  case thread: return "thread";
  case process: return "process";
  case prcb: return "prcb";
  case eresource: return "eresource";
  case ustr: return "ustr";
  case str: return "str";
  case pool: return "pool";
  case object: return "object";
  case handle: return "handle";
  case hive: return "hive";
  case base: return "base";
  case pa: return "pa";
  case trap: return "trap";
  case val: return "val";
  }
  return "";
}

std::uint32_t normalized_bugcheck(std::uint32_t code) {
  // The kernel raises 0x1000007E and its like where an exception filter, not a trap, ended the
  // thread.
  std::uint32_t plain = code & 0x0FFFFFFF;
  return code >> 28 == 1 && row_of(plain) ? plain : code;
}

const BugcheckInfo* find_bugcheck(std::uint32_t code) {
  if (const BugcheckInfo* row = row_of(code)) return row;
  return row_of(normalized_bugcheck(code));
}

} // namespace dumptriage::formats
