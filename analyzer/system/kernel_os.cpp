// The operating system of a kernel dump: the header's numbers, and the kernel's own variables where
// they can be read.
#include <algorithm>
#include <array>
#include <cstddef>

#include <fmt/format.h>

#include "formats/kdbg64.h"
#include "system/kernel_snapshot.h"
#include "system/os_names.h"
#include "system/shared_user_data.h"

namespace dumptriage::system {
namespace {

using formats::KdDebuggerData64;

// Addresses of 32-bit kernels are sign-extended in KDBG.
std::uint64_t cut(const dump::KernelDump& kernel, std::uint64_t address) {
  return kernel.header.is64 ? address : address & 0xFFFFFFFF;
}

struct ServicePack {
  std::optional<std::uint32_t> number;
  std::string from;
  bool proved = false;
};

// CmNtCSDVersion holds service pack n as n << 8 in its low word.
std::optional<std::uint32_t> decode_service_pack(std::uint32_t version) {
  constexpr std::uint32_t kHighest = 6; // NT 4.0
  std::uint32_t low = version & 0xFFFF;
  if (low & 0xFF || (low >> 8) > kHighest) return std::nullopt;
  return low >> 8;
}

// Vista and later put the service pack into the build number.  Before, the kernel's CmNtCSDVersion
// has it, and triage dumps repeat that variable in ServicePackBuild.  That the two are encoded
// alike is inferred (no public source says what ServicePackBuild holds), so on its own it is told
// but not proved; it is proved when the variable itself was captured and agrees.  When they differ,
// nothing is told.
ServicePack service_pack_of(const dump::KernelDump& kernel, const memory::AddressSpace& memory,
                            const dump::DebuggerData& kdbg) {
  if (auto number = service_pack_of_build(kernel.header.build))
    return {number, "build number", true};
  auto variable = kdbg.address(offsetof(KdDebuggerData64, CmNtCSDVersion));
  auto version = variable ? memory.u32(cut(kernel, *variable)) : std::nullopt;
  if (!kernel.triage) {
    auto number = version ? decode_service_pack(*version) : std::nullopt;
    return number ? ServicePack{number, "CmNtCSDVersion", true} : ServicePack{};
  }
  auto from_header = decode_service_pack(kernel.triage->service_pack_build);
  if (!version) {
    if (!from_header) return {};
    return {from_header, "triage header", false};
  }
  auto from_kernel = decode_service_pack(*version);
  if (!from_kernel || from_kernel != from_header) return {};
  return {from_kernel, "triage header and CmNtCSDVersion", true};
}

// NtBuildLab begins with the build number; anything else there is not it.
std::string build_lab_of(const dump::KernelDump& kernel, const memory::AddressSpace& memory,
                         const dump::DebuggerData& kdbg) {
  auto address = kdbg.address(offsetof(KdDebuggerData64, NtBuildLab));
  if (!address) return "";
  std::array<char, 64> text{};
  std::size_t got = memory.read(cut(kernel, *address), std::as_writable_bytes(std::span(text))).got;
  std::string_view lab = std::string_view(text.data(), got);
  lab = lab.substr(0, lab.find('\0'));
  bool printable = std::ranges::all_of(lab, [](char c) { return c > 0x20 && c < 0x7F; });
  if (!printable || !lab.starts_with(fmt::format("{}.", kernel.header.build))) return "";
  return std::string(lab);
}

struct Product {
  std::optional<std::uint32_t> type, suite_mask;
};
// NT 4 and 2000 leave these fields of the header unset; the page that the kernel shares with
// programs has them, and it is known by its version numbers.
Product product_of(const dump::Dump& dump, const memory::AddressSpace& memory,
                   const std::optional<NtVersion>& version) {
  using Shared = SharedUserData;
  constexpr std::uint32_t kWindows2000 = 2195, kMostTypes = 3;
  const dump::KernelHeader& header = dump.kernel->header;
  Product product{header.product_type, header.suite_mask};
  const std::uint64_t shared = Shared::address(dump.machine);
  if (!version || memory.u32(shared + Shared::kMajorVersion) != version->major ||
      memory.u32(shared + Shared::kMinorVersion) != version->minor)
    return product;
  auto type = memory.u32(shared + Shared::kProductType);
  auto valid = memory.u32(shared + Shared::kProductTypeIsValid);
  if (!product.type && type && *type >= 1 && *type <= kMostTypes && valid && (*valid & 0xFF) == 1)
    product.type = type;
  if (!product.suite_mask && header.build >= kWindows2000)
    product.suite_mask = memory.u32(shared + Shared::kSuiteMask);
  return product;
}

} // namespace

Os read_os(const dump::Dump& dump, const memory::AddressSpace& memory,
           const dump::DebuggerData& kdbg) {
  const dump::KernelHeader& header = dump.kernel->header;
  Os os;
  os.build = header.build;
  auto version = nt_version_of_build(header.build);
  if (version) {
    os.major = version->major;
    os.minor = version->minor;
  }
  Product product = product_of(dump, memory, version);
  os.product_type = product.type;
  os.suite_mask = product.suite_mask;
  os.processors = header.processors;
  os.pae = header.pae_enabled;
  ServicePack pack = service_pack_of(*dump.kernel, memory, kdbg);
  os.service_pack = pack.number;
  os.service_pack_from = pack.from;
  os.service_pack_proved = pack.proved;
  os.build_lab = build_lab_of(*dump.kernel, memory, kdbg);

  const OsNumbers numbers = numbers_of(os, dump.machine);
  os.family = os_family(numbers);
  os.name = version ? os_name(numbers) : fmt::format("Windows (build {})", os.build);
  os.edition = os_edition(os.product_type, os.suite_mask);
  return os;
}

} // namespace dumptriage::system
