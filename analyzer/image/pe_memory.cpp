// An image as the loader laid it out, in captured memory: every rva is base + rva.
#include <algorithm>

#include "image/headers.h"

namespace dumptriage::image {
namespace {

class PeMemory final : public Image {
public:
  PeMemory(std::shared_ptr<const memory::AddressSpace> memory, std::uint64_t base)
      : memory_(std::move(memory)), base_(base) {}

  Result<void> read(Notes& notes) {
    auto bytes = [this](std::uint64_t offset, std::span<std::byte> out) -> std::size_t {
      return offset > UINT64_MAX - base_ ? 0 : memory_->read(base_ + offset, out).got;
    };
    auto result = read_headers(bytes, Code::absent, Space::rva, "image in memory", *this, notes);
    if (result) order_sections();
    return result;
  }

  std::size_t read_rva(std::uint32_t rva, std::span<std::byte> out) const override {
    // Beyond SizeOfImage lies something else.
    if (rva >= size_of_image || rva > UINT64_MAX - base_) return 0;
    out = out.first(std::min<std::uint64_t>(out.size(), size_of_image - rva));
    return memory_->read(base_ + rva, out).got;
  }

  std::uint64_t loaded_at() const override { return base_; }
  memory::Origin origin() const override { return memory::Origin::dump; }
  std::string where() const override { return "memory"; }

private:
  std::shared_ptr<const memory::AddressSpace> memory_;
  std::uint64_t base_;
};

} // namespace

Result<std::unique_ptr<Image>> open_memory(std::shared_ptr<const memory::AddressSpace> memory,
                                           std::uint64_t base) {
  auto image = std::make_unique<PeMemory>(std::move(memory), base);
  if (auto read = image->read(image->header_notes()); !read) return std::unexpected(read.error());
  return image;
}

} // namespace dumptriage::image
