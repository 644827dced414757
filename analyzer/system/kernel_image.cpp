#include "system/kernel_image.h"

#include <algorithm>

#include "image/image.h"

namespace dumptriage::system {

bool KernelImage::in_data(std::uint64_t address) const {
  return std::ranges::any_of(
      data, [&](const auto& range) { return address >= range.start && address < range.end; });
}

KernelImage kernel_image(const KernelView& view, const Snapshot& snapshot) {
  constexpr std::uint64_t kMost = 16 << 20;
  constexpr std::uint32_t kWritable = 0x80000000, kDiscardable = 0x02000000;
  KernelImage kernel;
  if (snapshot.modules.empty()) return kernel;
  const dump::Module& module = snapshot.modules.front();
  auto end = checked_add(view.cut(module.base), module.size);
  if (!view.is_kernel_address(view.cut(module.base)) || !end) return kernel;
  kernel.base = view.cut(module.base);
  kernel.end = *end;
  // The image is read here only, so it may look at memory that it does not own.
  std::shared_ptr<const memory::AddressSpace> memory(std::shared_ptr<void>(), &view.memory);
  auto image = image::open_memory(memory, kernel.base);
  if (!image) {
    kernel.data.push_back({kernel.base, kernel.base + std::min(kernel.end - kernel.base, kMost)});
    return kernel;
  }
  std::uint64_t left = kMost;
  for (const image::Section& section : (*image)->sections) {
    if (!(section.characteristics & kWritable) || (section.characteristics & kDiscardable) ||
        section.rva >= kernel.end - kernel.base)
      continue;
    std::uint64_t start = kernel.base + section.rva;
    std::uint64_t size = std::min({std::uint64_t{section.virtual_size}, kernel.end - start, left});
    left -= size;
    if (size != 0) kernel.data.push_back({start, start + size});
  }
  return kernel;
}

} // namespace dumptriage::system
