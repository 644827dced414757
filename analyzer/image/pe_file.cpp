// A PE file on disk, read by rva as the loader would lay it out.
#include <algorithm>
#include <cstring>

#include "formats/pe.h"
#include "image/headers.h"

namespace dumptriage::image {
namespace {

// Microsoft's loader rounds PointerToRawData down to a 512-byte sector, whatever FileAlignment
// says, in images whose sections are page aligned ("PE Format": FileAlignment is at least 512
// there).
constexpr std::uint32_t kSector = 0x200;
constexpr std::uint32_t kPage = 0x1000;

class PeFile final : public Image {
public:
  PeFile(std::shared_ptr<const MappedFile> file, memory::Origin origin)
      : file_(std::move(file)), origin_(origin) {}

  Result<void> read(Notes& notes) {
    if (read_headers_by_libobject(file_->bytes(), *this)) {
      order_sections();
      return {};
    }
    auto bytes = [this](std::uint64_t offset, std::span<std::byte> out) {
      return read_raw(offset, out);
    };
    auto result = read_headers(bytes, Code::truncated, Space::file, "PE image", *this, notes);
    if (result) order_sections();
    return result;
  }

  std::size_t read_raw(std::uint64_t offset, std::span<std::byte> out) const override {
    ByteView part = file_->bytes().clamp(offset, out.size());
    if (!part.empty()) std::memcpy(out.data(), part.data(), part.size());
    return part.size();
  }

  std::size_t read_rva(std::uint32_t rva, std::span<std::byte> out) const override {
    std::size_t got = 0;
    std::uint64_t at = rva;
    while (got < out.size() && at <= UINT32_MAX) {
      std::size_t step = read_piece(static_cast<std::uint32_t>(at), out.subspan(got));
      if (step == 0) break;
      got += step;
      at += step;
    }
    return got;
  }

  memory::Origin origin() const override { return origin_; }
  std::string where() const override { return file_->path(); }

private:
  // Bytes from `rva` to at most the end of the section (or of the headers) that holds it.
  std::size_t read_piece(std::uint32_t rva, std::span<std::byte> out) const {
    // With sections aligned to less than a page the file is mapped as it lies.
    if (section_alignment < kPage) {
      std::uint64_t end = std::max<std::uint64_t>(size_of_image, size_of_headers);
      if (rva >= end) return 0;
      return read_raw(rva, out.first(std::min<std::uint64_t>(out.size(), end - rva)));
    }
    const Section* section = section_at(rva);
    if (section == nullptr) {
      if (rva >= size_of_headers) return 0;
      return read_raw(rva, out.first(std::min<std::uint64_t>(out.size(), size_of_headers - rva)));
    }
    std::uint64_t offset = rva - section->rva;
    std::uint64_t extent = extent_of(*section);
    std::uint64_t backed = std::min<std::uint64_t>(section->raw_size, extent);
    if (offset < backed) {
      std::uint64_t raw = section->raw_offset / kSector * kSector;
      return read_raw(raw + offset,
                      out.first(std::min<std::uint64_t>(out.size(), backed - offset)));
    }
    std::uint64_t zeros = std::min<std::uint64_t>(out.size(), extent - offset);
    std::memset(out.data(), 0, zeros);
    return zeros;
  }

  std::shared_ptr<const MappedFile> file_;
  memory::Origin origin_;
};

} // namespace

Result<std::unique_ptr<Image>> open_file(const std::string& path, memory::Origin origin) {
  auto file = MappedFile::open(path);
  if (!file) return std::unexpected(file.error());
  return open_file(std::move(*file), origin);
}

Result<std::unique_ptr<Image>> open_file(std::shared_ptr<const MappedFile> file,
                                         memory::Origin origin) {
  auto image = std::make_unique<PeFile>(std::move(file), origin);
  if (auto read = image->read(image->header_notes()); !read) return std::unexpected(read.error());
  return image;
}

} // namespace dumptriage::image
