#include "symbols/msf20.h"

#include <fmt/format.h>

#include "formats/pdb20.h"

namespace dumptriage::symbols {
namespace {

using namespace formats;

constexpr char kWhat[] = "PDB 2.00 container";
constexpr std::uint32_t kNoSize = 0xFFFFFFFF;

std::uint64_t pages_of(std::uint64_t size, std::uint64_t page) { return (size + page - 1) / page; }

Result<Msf20Header> read_header(ByteView bytes) {
  auto header = bytes.get<Msf20Header>(0);
  if (!bytes.chars().starts_with(kMsf20Magic.substr(0, bytes.size())))
    return fail(Code::bad_magic, kWhat, "not a PDB 2.00", Where::file(0));
  if (!header) return fail(Code::truncated, kWhat, "no header", Where::file(0));
  const std::uint32_t page = header->PageSize;
  if (page < 512 || page > 32768 || (page & (page - 1)) != 0)
    return fail(Code::bad_value, kWhat, fmt::format("page size {}", page),
                Where::file(offsetof(Msf20Header, PageSize)));
  const std::uint64_t size = std::uint64_t{page} * header->PageCount;
  if (size > bytes.size())
    return fail(Code::truncated, kWhat,
                fmt::format("{} pages of {} bytes do not fit in {} bytes",
                            static_cast<unsigned>(header->PageCount), page, bytes.size()),
                Where::file(offsetof(Msf20Header, PageCount)));
  const std::uint64_t list = 2 * pages_of(header->RootSize, page);
  if (header->RootSize < sizeof(Msf20Root) || sizeof(Msf20Header) + list > page)
    return fail(
        Code::bad_value, kWhat,
        fmt::format("root stream of {} bytes", static_cast<std::uint32_t>(header->RootSize)),
        Where::file(offsetof(Msf20Header, RootSize)));
  return *header;
}

} // namespace

// Empty when a page lies outside the file.
std::vector<std::byte> Msf20::gather(ByteView list, std::uint32_t size) const {
  if (size > std::uint64_t{page_} * page_count_) return {};
  std::vector<std::byte> out;
  out.reserve(size);
  for (std::uint64_t i = 0; out.size() < size; ++i) {
    auto page = list.u16(2 * i);
    if (!page || *page == 0 || *page >= page_count_) return {};
    const std::uint64_t left = std::min<std::uint64_t>(page_, size - out.size());
    const auto piece = bytes_.clamp(std::uint64_t{*page} * page_, left).span();
    if (piece.size() != left) return {};
    out.insert(out.end(), piece.begin(), piece.end());
  }
  return out;
}

Result<Msf20> Msf20::open(ByteView bytes) {
  auto header = read_header(bytes);
  if (!header) return std::unexpected(header.error());
  Msf20 self;
  self.bytes_ = bytes;
  self.page_ = header->PageSize;
  self.page_count_ = header->PageCount;
  self.budget_ = bytes.size();
  self.root_ = self.gather(bytes.clamp(sizeof(Msf20Header), self.page_), header->RootSize);
  const ByteView root(self.root_);
  auto start = root.get<Msf20Root>(0);
  if (!start)
    return fail(Code::bad_value, kWhat, "a page of the root stream lies outside the file",
                Where::file(sizeof(Msf20Header)));
  const std::uint64_t count = start->StreamCount;
  std::uint64_t pages = sizeof(Msf20Root) + count * sizeof(Msf20Stream);
  if (pages > root.size())
    return fail(
        Code::bad_value, kWhat,
        fmt::format("{} streams do not fit in a root stream of {} bytes", count, root.size()),
        Where::file(sizeof(Msf20Header)));
  for (std::uint64_t i = 0; i < count; ++i) {
    auto entry = *root.get<Msf20Stream>(sizeof(Msf20Root) + i * sizeof(Msf20Stream));
    Stream stream;
    if (entry.Size != kNoSize) stream = {entry.Size, pages};
    pages += 2 * pages_of(stream.size, self.page_);
    self.streams_.push_back(stream);
  }
  return self;
}

std::vector<std::byte> Msf20::load(std::uint32_t stream) {
  if (stream >= streams_.size() || streams_[stream].size > budget_) return {};
  budget_ -= streams_[stream].size;
  return gather(ByteView(root_).clamp(streams_[stream].pages, root_.size()), streams_[stream].size);
}

} // namespace dumptriage::symbols
