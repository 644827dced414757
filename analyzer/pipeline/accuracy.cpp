// docs/accuracy.md as a table: what readings of a format and CPU were checked against.
#include "pipeline/parts.h"

namespace dumptriage::pipeline {
namespace {

constexpr const char* kRealBytes = "real bytes";
constexpr const char* kOurReading = "our reading";

bool minidump_checked(arch::Machine machine) {
  using arch::Machine;
  return machine == Machine::x86 || machine == Machine::x64 || machine == Machine::arm ||
         machine == Machine::arm64;
}

} // namespace

std::string accuracy_of(const dump::Dump& dump) {
  if (dump.format == dump::Format::minidump)
    return minidump_checked(dump.machine) ? kRealBytes : kOurReading;
  // No real file of this format was at hand.
  if (dump.format == dump::Format::userdump) return kOurReading;
  bool triage64 = dump.kernel && dump.kind == dump::Kind::triage && dump.kernel->header.is64;
  bool checked_cpu = dump.machine == arch::Machine::x64 || dump.machine == arch::Machine::arm64;
  // The real ones at hand are of Windows 10 and 11; older builds are laid out by description.
  constexpr std::uint32_t kOldestChecked = 10240;
  if (triage64 && checked_cpu && dump.kernel->header.build >= kOldestChecked) return kRealBytes;
  return kOurReading;
}

} // namespace dumptriage::pipeline
