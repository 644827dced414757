// The function table (.pdata) of x64: RUNTIME_FUNCTIONs sorted by BeginAddress.  Entries are read
// one at a time, because an image in memory often has only some pages of its table. Source: "x64
// exception handling", learn.microsoft.com; the low bit of UnwindData marks an indirect entry,
// whose other bits are the rva of the entry to use (winnt.h: RUNTIME_FUNCTION_INDIRECT).
#include "formats/pe.h"
#include "image/headers.h"

namespace dumptriage::image {
namespace {

using namespace formats;
using arch::FunctionLookup;

constexpr int kMostHops = 32;
constexpr std::uint8_t kFlagChainInfo = 4; // UNW_FLAG_CHAININFO

struct Search {
  FunctionLookup kind = FunctionLookup::unknown;
  ImageRuntimeFunctionX64 entry{}; // found
  std::uint32_t end_before = 0;    // leaf
};

// An entry that no function can have; some linkers leave such at the end of the directory.
bool is_padding(const ImageRuntimeFunctionX64& entry) {
  return entry.BeginAddress == 0 && entry.EndAddress == 0;
}

Search search(const Image& image, std::uint32_t rva) {
  if (image.machine != arch::Machine::x64 || image.directories.size() <= kDirectoryException)
    return {};
  Image::Directory table = image.directories[kDirectoryException];
  std::uint32_t count = table.size / sizeof(ImageRuntimeFunctionX64);
  if (table.rva == 0 || count == 0) return {};
  // The first entry that begins beyond rva.
  std::uint32_t low = 0, high = count;
  ImageRuntimeFunctionX64 before{};
  bool some_before = false;
  while (low < high) {
    std::uint32_t middle = low + (high - low) / 2;
    auto entry = get_rva<ImageRuntimeFunctionX64>(
        image, table.rva + middle * std::uint64_t{sizeof(ImageRuntimeFunctionX64)});
    if (!entry) return {};
    if (is_padding(*entry) || entry->BeginAddress > rva) {
      high = middle;
    } else {
      before = *entry;
      some_before = true;
      low = middle + 1;
    }
  }
  // Both neighbours of the border were read on the way, so "no entry" is an answer.
  if (some_before && rva < before.EndAddress) return {FunctionLookup::found, before, 0};
  const Section* section = image.section_at(rva);
  if (section == nullptr || !(section->characteristics & kSectionExecute)) return {};
  return {FunctionLookup::leaf, {}, some_before ? std::uint32_t{before.EndAddress} : 0};
}

// The entry that an indirect one stands for; nothing when it is not there or runs in a circle.
std::optional<ImageRuntimeFunctionX64> resolve(const Image& image, ImageRuntimeFunctionX64 entry) {
  for (int hop = 0; hop < kMostHops; ++hop) {
    std::uint32_t unwind = entry.UnwindInfoAddress;
    if (!(unwind & 1)) return entry;
    auto next = get_rva<ImageRuntimeFunctionX64>(image, unwind & ~1u);
    if (!next) return std::nullopt;
    entry = *next;
  }
  return std::nullopt;
}

// The entry that UNWIND_INFO chains to; nothing when it chains to none or is not there.
enum class Chain { primary, chained, unreadable };
Chain parent_of(const Image& image, ImageRuntimeFunctionX64& entry) {
  struct Head {
    le8 version_and_flags, prolog, codes, frame;
  };
  auto head = get_rva<Head>(image, entry.UnwindInfoAddress);
  if (!head) return Chain::unreadable;
  if (!((head->version_and_flags >> 3) & kFlagChainInfo)) return Chain::primary;
  // The parent's entry follows the codes, whose number is rounded up to even.
  std::uint64_t at = std::uint64_t{entry.UnwindInfoAddress} + 4 + 2ull * ((head->codes + 1) & ~1);
  auto parent = get_rva<ImageRuntimeFunctionX64>(image, at);
  if (!parent) return Chain::unreadable;
  entry = *parent;
  return Chain::chained;
}

} // namespace

FunctionLookup Image::find_function(std::uint32_t rva, arch::FunctionEntry& entry) const {
  Search result = search(*this, rva);
  if (result.kind != FunctionLookup::found) return result.kind;
  auto resolved = resolve(*this, result.entry);
  if (!resolved) return FunctionLookup::unknown;
  entry.image_base = 0;
  entry.begin = resolved->BeginAddress;
  entry.end = resolved->EndAddress;
  entry.unwind = resolved->UnwindInfoAddress;
  entry.origin = origin();
  return FunctionLookup::found;
}

Image::Extent Image::function_extent(std::uint32_t rva) const {
  Search result = search(*this, rva);
  if (result.kind == FunctionLookup::leaf) return {FunctionLookup::leaf, result.end_before};
  if (result.kind != FunctionLookup::found) return {};
  auto entry = resolve(*this, result.entry);
  for (int hop = 0; entry && hop < kMostHops; ++hop) {
    Chain chain = parent_of(*this, *entry);
    if (chain == Chain::primary) return {FunctionLookup::found, entry->BeginAddress};
    if (chain == Chain::unreadable) return {};
    entry = resolve(*this, *entry);
  }
  return {};
}

} // namespace dumptriage::image
