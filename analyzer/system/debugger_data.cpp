// Sources: wdbgexts.h of the public debugger SDK (KDDEBUGGER_DATA64, DBGKD_GET_VERSION64), Geoff
// Chappell (KPCR.KdVersionBlock), volatility (the encoding that came with Windows 8).
#include "system/debugger_data.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <vector>

#include "formats/kdbg64.h"
#include "image/image.h"
#include "system/kernel_view.h"

namespace dumptriage::system {
namespace {

using dump::DebuggerData;
using formats::KdDebuggerData64;

constexpr std::uint32_t kFirstWithData = 2195; // NT 4 has none
constexpr std::uint32_t kMostSize = 0x1000;
constexpr std::uint32_t kTagAt = offsetof(KdDebuggerData64, OwnerTag);

struct Search {
  const KernelView& view;
  const std::shared_ptr<const memory::AddressSpace>& memory;
  const dump::KernelHeader& header() const { return view.dump.kernel->header; }
};

// Two things that the structure and the header both know; and a kernel lies at a page of the upper
// half.
bool is_this_kernels(const Search& search, const DebuggerData& kdbg) {
  if (!kdbg.valid()) return false;
  auto agrees = [&](std::uint64_t of_header, std::uint64_t field) {
    auto value = kdbg.address(field);
    std::uint64_t expected = search.view.cut(of_header);
    return expected == 0 || !value || search.view.cut(*value) == expected;
  };
  auto base = kdbg.address(offsetof(KdDebuggerData64, KernBase));
  bool based =
      !base || (*base % 0x1000 == 0 && search.view.is_kernel_address(search.view.cut(*base)));
  return based &&
         agrees(search.header().ps_loaded_module_list,
                offsetof(KdDebuggerData64, PsLoadedModuleList)) &&
         agrees(search.header().ps_active_process_head,
                offsetof(KdDebuggerData64, PsActiveProcessHead));
}

std::optional<DebuggerData> at_address(const Search& search, std::uint64_t address) {
  std::vector<std::byte> bytes(kMostSize);
  std::size_t got = search.memory->read(address, bytes).got;
  DebuggerData kdbg(ByteView(bytes.data(), got));
  if (!kdbg.valid()) return std::nullopt;
  return kdbg;
}

// KPCR.KdVersionBlock of x86's first CPU, up to Windows 7 at a fixed place: DBGKD_GET_VERSION64,
// whose DebuggerDataList heads a list with our structure in it.
std::optional<DebuggerData> by_version_block(const Search& search) {
  constexpr std::uint64_t kKpcr = 0xFFDFF000, kKdVersionBlock = 0x34, kDebuggerDataList = 0x20;
  const KernelView& view = search.view;
  if (view.dump.machine != arch::Machine::x86) return std::nullopt;
  auto block = view.pointer(kKpcr + kKdVersionBlock);
  if (!block || !view.is_kernel_address(*block)) return std::nullopt;
  auto list = view.pointer(*block + kDebuggerDataList);
  auto first = list ? view.pointer(*list) : std::nullopt;
  return first ? at_address(search, *first) : std::nullopt;
}

// The first entry of the module list is the kernel itself; DllBase stands at this place of the
// loader's entry in every version.
std::optional<std::uint64_t> kernel_base(const Search& search) {
  const KernelView& view = search.view;
  auto first = view.pointer(view.cut(search.header().ps_loaded_module_list));
  auto base = first ? view.pointer(*first + (view.pointer_size == 4 ? 0x18 : 0x30)) : std::nullopt;
  if (!base || !view.is_kernel_address(*base) || *base % 0x1000 != 0) return std::nullopt;
  return base;
}

std::optional<DebuggerData> in_section(const Search& search, std::uint64_t start,
                                       std::uint64_t size, std::uint64_t base) {
  constexpr std::uint64_t kPage = 0x1000;
  std::vector<std::byte> page(kPage);
  for (std::uint64_t at = 0; at < size; at += kPage) {
    std::size_t want = std::min(kPage, size - at);
    ByteView bytes(page.data(), search.memory->read(start + at, std::span(page).first(want)).got);
    for (std::uint64_t i = 0; i + 4 <= bytes.size(); i += 8) {
      if (bytes.u32(i) != formats::kKdbgTag || at + i < kTagAt) continue;
      auto kdbg = at_address(search, start + at + i - kTagAt);
      auto says = kdbg ? kdbg->address(offsetof(KdDebuggerData64, KernBase)) : std::nullopt;
      if (says && search.view.cut(*says) == base && is_this_kernels(search, *kdbg)) return kdbg;
    }
  }
  return std::nullopt;
}

// The last resort: wherever it lies in the kernel's data.
std::optional<DebuggerData> in_kernel_image(const Search& search) {
  constexpr std::uint64_t kMost = 16 << 20; // bytes looked at
  constexpr std::uint32_t kCode = 0x20, kExecute = 0x20000000, kDiscardable = 0x02000000;
  auto base = kernel_base(search);
  if (!base) return std::nullopt;
  auto image = image::open_memory(search.memory, *base);
  if (!image) return std::nullopt;
  std::uint64_t looked = 0;
  for (const image::Section& section : (*image)->sections) {
    if (section.characteristics & (kCode | kExecute | kDiscardable)) continue;
    std::uint64_t size = std::min<std::uint64_t>(section.virtual_size, kMost - looked);
    looked += size;
    if (auto found = in_section(search, *base + section.rva, size, *base)) return found;
  }
  return std::nullopt;
}

void note_missing(const Search& search, bool mismatch) {
  const dump::KernelHeader& header = search.header();
  if (header.build < kFirstWithData) return;
  const std::uint64_t address = search.view.cut(header.kd_debugger_data_block);
  auto say = [&](Code code, const char* text) {
    add_note(search.view.notes, Severity::warning, code, text,
             address == 0 ? Where{} : Where::virtual_address(address));
  };
  if (mismatch)
    return say(Code::mismatch, "debugger data: what was found does not fit the dump's header, so "
                               "it is not used");
  auto tag = address == 0 ? std::nullopt : search.view.u32(address + kTagAt);
  constexpr std::uint32_t kFirstEncoding = 9200;
  if (tag && *tag != 0 && header.build >= kFirstEncoding)
    return say(Code::unsupported, "debugger data: encoded by the kernel, as in dumps that Windows "
                                  "did not write itself; what needs it is not known");
  say(Code::absent, "debugger data: not found in this dump; what needs it is not known");
}

} // namespace

DebuggerData find_debugger_data(const dump::Dump& dump,
                                const std::shared_ptr<const memory::AddressSpace>& memory,
                                Notes& notes) {
  KernelView view(dump, *memory, {}, {}, notes);
  Search search{view, memory};
  const dump::KernelDump& kernel = *dump.kernel;
  bool mismatch = false;
  auto use = [&](const std::optional<DebuggerData>& kdbg) {
    if (!kdbg || !kdbg->valid()) return false;
    bool good = is_this_kernels(search, *kdbg);
    mismatch |= !good;
    return good;
  };
  if (kernel.triage) {
    DebuggerData copy(kernel.triage->debugger_data);
    if (use(copy)) return copy;
  }
  if (std::uint64_t address = view.cut(kernel.header.kd_debugger_data_block))
    if (auto found = at_address(search, address); use(found)) return *found;
  if (auto found = by_version_block(search); use(found)) return *found;
  if (auto found = in_kernel_image(search); use(found)) return *found;
  // Nothing is missed where nothing of memory is.
  if (kernel.triage || dump.physical) note_missing(search, mismatch);
  return {};
}

} // namespace dumptriage::system
