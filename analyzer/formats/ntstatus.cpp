#include "formats/ntstatus.h"

#include <algorithm>
#include <iterator>

namespace dumptriage::formats {
namespace {

constexpr StatusInfo kStatuses[] = {
#define NTSTATUS(code, name, meaning) {code, name, meaning},
#include "formats/tables/ntstatus.def"
#undef NTSTATUS
};
static_assert(std::ranges::is_sorted(kStatuses, std::ranges::less_equal{}, &StatusInfo::code));

} // namespace

const StatusInfo* find_ntstatus(std::uint32_t code) {
  const auto* row = std::ranges::lower_bound(kStatuses, code, {}, &StatusInfo::code);
  return row != std::end(kStatuses) && row->code == code ? row : nullptr;
}

const StatusInfo* find_ntstatus(std::string_view name) {
  const auto* row = std::ranges::find(kStatuses, name, &StatusInfo::name);
  return row != std::end(kStatuses) ? row : nullptr;
}

} // namespace dumptriage::formats
