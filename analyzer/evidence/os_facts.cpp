#include <algorithm>

#include "evidence/extractors.h"
#include "evidence/kernel_file.h"

namespace dumptriage::evidence {

namespace {

// NT 4 has no suite mask.  Its Terminal Server Edition is another set of files, whose versions have
// the highest bit of their last number set: one such file says that it is that edition, the
// kernel's alone that it is not.
void add_nt4_edition(const Input& input, std::size_t kernel, Fact& fact) {
  constexpr std::uint16_t kBuild = 1381, kTerminalServer = 0x8000;
  const system::Snapshot& snapshot = input.snapshot;
  if (snapshot.os.build != kBuild || fact.fields.contains("terminal_server")) return;
  const auto of_edition = [](const dump::FileVersion& version) {
    return version.part[2] == kBuild && (version.part[3] & kTerminalServer) != 0;
  };
  std::optional<dump::FileVersion> version = snapshot.modules[kernel].version;
  if (!version && kernel < input.modules.modules().size() && input.modules.status(kernel).asked) {
    const image::Image* image = input.modules.image_of(kernel);
    if (image && image->origin() != memory::Origin::sibling) version = image->version();
  }
  if (version && version->part[2] == kBuild)
    fact.fields["terminal_server"] = of_edition(*version);
  else if (std::ranges::any_of(snapshot.modules, [&](const dump::Module& module) {
             return module.version && of_edition(*module.version);
           }))
    fact.fields["terminal_server"] = true;
}

void add_kernel(const Input& input, Fact& fact) {
  const system::Os& os = input.snapshot.os;
  const auto kernel = find_kernel_file(input);
  if (kernel) fact.fields["kernel_file"] = kernel->name;
  if (kernel) add_nt4_edition(input, kernel->module, fact);
  // A kernel made for one processor runs no second one.
  if (input.snapshot.kernel && os.processors.value_or(0) > 1)
    fact.fields["multiprocessor_kernel"] = true;
  else if (kernel && kernel->multiprocessor)
    fact.fields["multiprocessor_kernel"] = *kernel->multiprocessor;
  if (os.pae)
    fact.fields["pae"] = *os.pae;
  else if (kernel && kernel->pae && input.snapshot.machine == arch::Machine::x86)
    fact.fields["pae"] = *kernel->pae;
}

} // namespace

void extract_os(const Input& input, FactSet& set) {
  const system::Os& os = input.snapshot.os;
  Fact fact;
  fact.kind = "os";
  fact.id = "os";
  fact.trust = "dump";
  if (!os.family.empty()) fact.fields["family"] = os.family;
  if (os.build != 0) fact.fields["build"] = std::uint64_t{os.build};
  if (os.service_pack) {
    fact.fields["service_pack"] = std::uint64_t{*os.service_pack};
    fact.fields["service_pack_proved"] = os.service_pack_proved;
  }
  if (!os.service_pack_from.empty()) fact.fields["service_pack_from"] = os.service_pack_from;
  if (os.product_type) fact.fields["product_type"] = std::uint64_t{*os.product_type};
  if (os.suite_mask) {
    fact.fields["suite_mask"] = std::uint64_t{*os.suite_mask};
    // VER_SUITE_TERMINAL without VER_SUITE_SINGLEUSERTS: Terminal Server itself, not remote
    // administration or Remote Desktop (OSVERSIONINFOEX, wSuiteMask).
    fact.fields["terminal_server"] = (*os.suite_mask & 0x10) != 0 && (*os.suite_mask & 0x100) == 0;
  }
  if (input.snapshot.machine != arch::Machine::unknown)
    fact.fields["arch"] = std::string(arch::name_of(input.snapshot.machine));
  if (os.processors) fact.fields["cpus"] = std::uint64_t{*os.processors};
  add_kernel(input, fact);
  const bool known = !os.family.empty();
  set.facts.push_back(std::move(fact));
  if (known) {
    set.coverage.push_back({"os", Coverage::Extent::complete, 1, 1, ""});
  } else {
    set.coverage.push_back(
        {"os", Coverage::Extent::partial, 0, 1, "the version of the system is not known"});
  }
}

} // namespace dumptriage::evidence
