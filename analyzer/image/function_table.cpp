// The function tables (.pdata) of the CPUs.  Sources: "x64 exception handling", "ARM64 exception
// handling", "ARM exception handling", learn.microsoft.com (of x64 the low bit of UnwindData marks
// an indirect entry, whose other bits are the rva of the entry to use: RUNTIME_FUNCTION_INDIRECT of
// winnt.h); _IMAGE_ALPHA_RUNTIME_FUNCTION_ENTRY of the public SDK.
#include "image/function_table.h"

#include "formats/pe.h"
#include "formats/unwind_arm64.h"

namespace dumptriage::image {
namespace {

using namespace formats;

constexpr int kMostHops = 32;
constexpr std::uint8_t kFlagChainInfo = 4; // UNW_FLAG_CHAININFO

template <class T> std::optional<std::uint32_t> first_word(const Image& image, std::uint64_t at) {
  auto entry = get_rva<T>(image, at);
  return entry ? std::optional<std::uint32_t>(entry->BeginAddress) : std::nullopt;
}

std::optional<TableEntry> entry_x64(const Image& image, std::uint64_t at) {
  auto entry = get_rva<ImageRuntimeFunctionX64>(image, at);
  if (!entry) return std::nullopt;
  return TableEntry{entry->BeginAddress, entry->EndAddress, entry->UnwindInfoAddress};
}

// The entry that UNWIND_INFO chains to; nothing when it chains to none or is not there.
enum class Chain { primary, chained, unreadable };
Chain parent_of(const Image& image, TableEntry& entry) {
  struct Head {
    le8 version_and_flags, prolog, codes, frame;
  };
  auto head = get_rva<Head>(image, entry.unwind);
  if (!head) return Chain::unreadable;
  if (!((head->version_and_flags >> 3) & kFlagChainInfo)) return Chain::primary;
  // The parent's entry follows the codes, whose number is rounded up to even.
  std::uint64_t at = std::uint64_t{entry.unwind} + 4 + 2ull * ((head->codes + 1) & ~1);
  auto parent = entry_x64(image, at);
  if (!parent) return Chain::unreadable;
  entry = *parent;
  return Chain::chained;
}

std::optional<std::uint32_t> function_x64(const Image& image, TableEntry part) {
  auto entry = resolve_x64(image, part);
  for (int hop = 0; entry && hop < kMostHops; ++hop) {
    Chain chain = parent_of(image, *entry);
    if (chain == Chain::primary) return entry->begin;
    if (chain == Chain::unreadable) return std::nullopt;
    entry = resolve_x64(image, *entry);
  }
  return std::nullopt;
}

std::optional<std::uint32_t> function_begin(const Image&, TableEntry entry) { return entry.begin; }

// Nothing when begin + length leaves 32 bits.
std::optional<TableEntry> with_length(std::uint32_t begin, std::uint32_t length,
                                      std::uint32_t unwind) {
  if (length > UINT32_MAX - begin) return std::nullopt;
  return TableEntry{begin, begin + length, unwind};
}

std::optional<TableEntry> entry_arm64(const Image& image, std::uint64_t at) {
  auto entry = get_rva<RuntimeFunctionArm64>(image, at);
  if (!entry) return std::nullopt;
  const PackedUnwindArm64 packed{entry->UnwindData};
  if (packed.flag() != kArm64FlagXdata)
    return with_length(entry->BeginAddress, packed.function_length(), packed.value);
  auto header = get_rva<XdataHeaderArm64>(image, packed.value);
  if (!header) return std::nullopt;
  return with_length(entry->BeginAddress, header->function_length(), packed.value);
}

// A part without a prologue has none in its packed data, or codes that begin with end_c; neither
// says where the function begins.
std::optional<std::uint32_t> function_arm64(const Image& image, TableEntry entry) {
  const PackedUnwindArm64 packed{entry.unwind};
  if (packed.flag() == kArm64FlagPacked) return entry.begin;
  if (packed.flag() != kArm64FlagXdata) return std::nullopt;
  auto header = get_rva<XdataHeaderArm64>(image, entry.unwind);
  if (!header) return std::nullopt;
  std::uint64_t codes = std::uint64_t{entry.unwind} + sizeof(*header);
  unsigned epilogues = header->epilogue_count();
  if (header->extended()) {
    auto extension = get_rva<XdataExtensionArm64>(image, codes);
    if (!extension) return std::nullopt;
    epilogues = extension->epilogue_count();
    codes += sizeof(*extension);
  }
  if (!header->epilogue_in_header()) codes += epilogues * sizeof(EpilogueScopeArm64);
  auto first = get_rva<std::uint8_t>(image, codes);
  if (!first || *first == kArm64EndC) return std::nullopt;
  return entry.begin;
}

std::optional<std::uint32_t> begin_arm(const Image& image, std::uint64_t at) {
  auto begin = first_word<ImageRuntimeFunctionArm>(image, at);
  return begin ? std::optional(*begin & ~1u) : std::nullopt;
}

std::optional<TableEntry> entry_arm(const Image& image, std::uint64_t at) {
  auto entry = get_rva<ImageRuntimeFunctionArm>(image, at);
  if (!entry) return std::nullopt;
  const std::uint32_t begin = entry->BeginAddress & ~1u;
  if (entry->flag() != 0) return with_length(begin, entry->packed_length(), entry->UnwindData);
  auto header = get_rva<XdataHeaderArm>(image, entry->UnwindData);
  if (!header) return std::nullopt;
  return with_length(begin, header->function_length(), entry->UnwindData);
}

std::optional<std::uint32_t> function_arm(const Image& image, TableEntry entry) {
  const unsigned flag = entry.unwind & 3;
  if (flag == 1) return entry.begin;
  if (flag != 0) return std::nullopt;
  auto header = get_rva<XdataHeaderArm>(image, entry.unwind);
  if (!header || header->is_fragment()) return std::nullopt;
  return entry.begin;
}

// Addresses in the table count from where the image lies, or, where nobody has relocated them, from
// where it wants to lie.
std::optional<std::uint32_t> rva_of(const Image& image, std::uint64_t address) {
  for (std::uint64_t base : {image.loaded_at(), image.preferred_base}) {
    const std::uint64_t rva = (address & ~3ull) - base;
    if (rva < image.size_of_image) return static_cast<std::uint32_t>(rva);
  }
  return std::nullopt;
}

template <class Row> std::optional<std::uint32_t> begin_risc(const Image& image, std::uint64_t at) {
  auto row = get_rva<Row>(image, at);
  if (!row) return std::nullopt;
  if (row->BeginAddress == 0) return 0;
  return rva_of(image, row->BeginAddress);
}

template <class Row> std::optional<TableEntry> entry_risc(const Image& image, std::uint64_t at) {
  auto row = get_rva<Row>(image, at);
  if (!row) return std::nullopt;
  auto begin = rva_of(image, row->BeginAddress), last = rva_of(image, row->EndAddress - 4);
  if (!begin || !last) return std::nullopt;
  return TableEntry{*begin, *last + 4, static_cast<std::uint32_t>(at)};
}

template <class Row>
std::optional<std::uint32_t> function_risc(const Image& image, TableEntry entry) {
  auto row = get_rva<Row>(image, entry.unwind);
  auto prologue_end = row ? rva_of(image, row->PrologEndAddress) : std::nullopt;
  if (!prologue_end) return std::nullopt;
  if (*prologue_end >= entry.begin && *prologue_end <= entry.end) return entry.begin;
  const Image::Directory table = image.directories[kDirectoryException];
  if (*prologue_end < table.rva || *prologue_end - table.rva >= table.size ||
      (*prologue_end - table.rva) % sizeof(Row) != 0)
    return std::nullopt;
  auto parent = entry_risc<Row>(image, *prologue_end);
  return parent ? std::optional(parent->begin) : std::nullopt;
}

template <class Row> constexpr TableFormat risc(arch::Machine machine) {
  return {machine, sizeof(Row), begin_risc<Row>, entry_risc<Row>, function_risc<Row>};
}

constexpr TableFormat kFormats[] = {
    {arch::Machine::x64, sizeof(ImageRuntimeFunctionX64), first_word<ImageRuntimeFunctionX64>,
     entry_x64, function_x64},
    {arch::Machine::arm64, sizeof(RuntimeFunctionArm64), first_word<RuntimeFunctionArm64>,
     entry_arm64, function_arm64},
    {arch::Machine::arm, sizeof(ImageRuntimeFunctionArm), begin_arm, entry_arm, function_arm},
    {arch::Machine::ia64, sizeof(ImageRuntimeFunctionIa64), first_word<ImageRuntimeFunctionIa64>,
     entry_x64, function_begin},
    risc<ImageRuntimeFunctionAlpha>(arch::Machine::alpha),
    risc<ImageRuntimeFunctionAlpha64>(arch::Machine::alpha64),
    risc<ImageRuntimeFunctionAlpha>(arch::Machine::mips),
    risc<ImageRuntimeFunctionAlpha>(arch::Machine::ppc),
};

} // namespace

std::optional<TableEntry> resolve_x64(const Image& image, TableEntry entry) {
  for (int hop = 0; hop < kMostHops; ++hop) {
    if (!(entry.unwind & 1)) return entry;
    auto next = entry_x64(image, entry.unwind & ~1u);
    if (!next) return std::nullopt;
    entry = *next;
  }
  return std::nullopt;
}

const TableFormat* table_format(arch::Machine machine) {
  for (const TableFormat& format : kFormats)
    if (format.machine == machine) return &format;
  return nullptr;
}

} // namespace dumptriage::image
