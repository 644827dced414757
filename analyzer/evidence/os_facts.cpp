#include "evidence/extractors.h"
#include "evidence/kernel_file.h"

namespace dumptriage::evidence {

namespace {

void add_kernel(const Input& input, Fact& fact) {
  const system::Os& os = input.snapshot.os;
  const auto kernel = find_kernel_file(input);
  if (kernel) fact.fields["kernel_file"] = kernel->name;
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
