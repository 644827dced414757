#include "evidence/driver_classes.h"

#include <algorithm>

#include "base/text.h"

namespace dumptriage::evidence {

namespace {

constexpr DriverClass kClasses[] = {
#define DRIVER(file, name, company) {file, name, company},
#include "evidence/driver_classes.def"
#undef DRIVER
};
static_assert(std::ranges::is_sorted(kClasses, std::ranges::less_equal{}, &DriverClass::file));

} // namespace

const DriverClass* find_driver_class(std::string_view path) {
  const std::string file = lower(base_name(path));
  const auto* row =
      std::ranges::lower_bound(kClasses, std::string_view(file), {}, &DriverClass::file);
  return row != std::end(kClasses) && row->file == file ? row : nullptr;
}

std::span<const DriverClass> driver_classes() { return kClasses; }

} // namespace dumptriage::evidence
