// The kernel's own file version tells the service pack: Microsoft stamps ntoskrnl.exe with the
// build of the service pack it was shipped in, and with a higher revision in every later fix.
//   Server 2003, XP x64 (5.2.3790.x): RTM 0, SP1 1830, SP2 3959
//   XP (5.1.2600.x): RTM 0, SP1 1106, SP2 2180, SP3 5512
// Branches of fixes go on side by side, so the ranges between two service packs are the older
// one's. Other versions are left to what the dump says: there the ranges overlap or were never
// published.
#include "pipeline/parts.h"

#include <array>

#include <fmt/format.h>

#include "base/text.h"
#include "system/os_names.h"

namespace dumptriage::pipeline {
namespace {

struct Step {
  std::uint16_t revision;
  std::uint32_t service_pack;
};
constexpr std::array<Step, 3> kBuild3790 = {{{3959, 2}, {1830, 1}, {0, 0}}};
constexpr std::array<Step, 4> kBuild2600 = {{{5512, 3}, {2180, 2}, {1106, 1}, {0, 0}}};

template <std::size_t N>
std::uint32_t service_pack_of(const std::array<Step, N>& steps, std::uint16_t revision) {
  for (const Step& step : steps)
    if (revision >= step.revision) return step.service_pack;
  return 0;
}

std::optional<std::uint32_t> service_pack_of(const dump::FileVersion& version) {
  if (version.part[2] == 3790) return service_pack_of(kBuild3790, version.part[3]);
  if (version.part[2] == 2600) return service_pack_of(kBuild2600, version.part[3]);
  return std::nullopt;
}

} // namespace

std::optional<std::size_t> kernel_module(const std::vector<dump::Module>& modules) {
  constexpr std::array<std::string_view, 4> kNames = {"ntoskrnl.exe", "ntkrnlmp.exe",
                                                      "ntkrnlpa.exe", "ntkrpamp.exe"};
  for (std::size_t i = 0; i < modules.size(); ++i)
    for (std::string_view name : kNames)
      if (equals_no_case(modules[i].name(), name)) return i;
  return std::nullopt;
}

void prove_service_pack(system::Snapshot& snapshot, symbols::ModuleSet& modules, Notes& notes) {
  system::Os& os = snapshot.os;
  if (!snapshot.kernel || (os.build != 3790 && os.build != 2600)) return;
  auto kernel = kernel_module(snapshot.modules);
  if (!kernel) return;
  const image::Image* image = modules.image_of(*kernel);
  // A file that merely lay beside the dump proves nothing.
  if (!image || image->origin() != memory::Origin::image) return;
  const auto& version = image->version();
  if (!version || version->part[2] != os.build) return;
  auto found = service_pack_of(*version);
  if (!found) return;
  std::string from = fmt::format("version {} of the exact image of {}", version->to_string(),
                                 snapshot.modules[*kernel].name());
  if (os.service_pack && *os.service_pack != *found) {
    add_note(notes, Severity::warning, Code::mismatch,
             fmt::format("service pack: the dump says {} ({}), {} says {}", *os.service_pack,
                         os.service_pack_from, from, *found));
    os.service_pack_proved = false;
    return;
  }
  bool renamed = !os.service_pack;
  os.service_pack = found;
  os.service_pack_from = from;
  os.service_pack_proved = true;
  if (renamed) os.name = system::os_name(system::numbers_of(os, snapshot.machine));
}

} // namespace dumptriage::pipeline
