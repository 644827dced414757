// synth: PAGEDUMP of Alpha and PAGEDU64 of Itanium, with page tables.
#include <algorithm>

#include "synth/kernel_headers.h"
#include "synth/paper_objects.h"

namespace dumptriage::synth {
namespace {

// Frames of pages without a fixed one are handed out downward, so that neighbouring virtual pages
// never lie in ascending frames.
class Frames {
public:
  explicit Frames(std::uint64_t next) : next_(next) {}
  std::uint64_t take(Bytes bytes) {
    while (frames_.contains(next_)) --next_;
    bytes.resize(kPaperPage);
    frames_[next_] = std::move(bytes);
    return next_;
  }
  void fixed(std::uint64_t frame, Bytes bytes) { frames_[frame] = std::move(bytes); }
  Bytes& at(std::uint64_t frame) { return frames_.at(frame); }
  // Ascending; gaps are filled with zero pages until no more than `runs` runs are left.
  FrameList list(std::size_t runs) {
    for (std::uint64_t gap = 2; count_runs() > runs; gap *= 2) fill_gaps(gap);
    FrameList out;
    for (auto& [number, bytes] : frames_) out.push_back({number, bytes});
    return out;
  }

private:
  std::size_t count_runs() const {
    std::size_t runs = 0;
    std::uint64_t next = UINT64_MAX;
    for (const auto& [number, bytes] : frames_) {
      if (number != next) ++runs;
      next = number + 1;
    }
    return runs;
  }
  void fill_gaps(std::uint64_t most) {
    std::vector<std::uint64_t> missing;
    std::uint64_t next = UINT64_MAX;
    for (const auto& [number, bytes] : frames_) {
      if (next != UINT64_MAX && number - next < most)
        for (; next < number; ++next) missing.push_back(next);
      next = number + 1;
    }
    for (std::uint64_t number : missing) frames_[number] = Bytes(kPaperPage);
  }
  std::map<std::uint64_t, Bytes> frames_;
  std::uint64_t next_;
};

// Tables, made as they are needed: `index` of every level from the root down to the page.
class PageTree {
public:
  PageTree(Frames& frames, std::size_t entry_size, std::uint64_t (*entry)(std::uint64_t frame))
      : entry(entry), frames_(frames), entry_size_(entry_size) {}
  void make_root() { root = frames_.take({}); }
  void map(const std::vector<std::uint64_t>& index, std::uint64_t frame) {
    std::uint64_t table = root;
    for (std::size_t i = 0; i + 1 < index.size(); ++i) {
      const std::pair<std::uint64_t, std::uint64_t> key{table, index[i]};
      auto found = made_.find(key);
      if (found == made_.end()) {
        const std::uint64_t below = frames_.take({});
        put(frames_.at(table), index[i] * entry_size_, entry(below), entry_size_);
        found = made_.emplace(key, below).first;
      }
      table = found->second;
    }
    put(frames_.at(table), index.back() * entry_size_, entry(frame), entry_size_);
  }

  std::uint64_t root = 0; // its frame
  std::uint64_t (*entry)(std::uint64_t frame);

private:
  Frames& frames_;
  std::size_t entry_size_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint64_t> made_;
};

void set_stop(Bytes& header, const PaperMachine& machine) {
  const bool wide = is_64(header);
  put32(header, wide ? 0x34 : 0x24, machine.cpus.size());
  put32(header, wide ? 0x38 : 0x28, machine.bugcheck_code);
  for (std::size_t i = 0; i < 4; ++i)
    put(header, (wide ? 0x40 : 0x2C) + (wide ? 8 : 4) * i, machine.bugcheck_parameters[i],
        wide ? 8 : 4);
  if (machine.crashed < machine.cpus.size())
    put_bytes(header, wide ? 0x348 : 0x320, machine.cpus[machine.crashed].context);
}

} // namespace

Bytes write_alpha_pagedump(const PaperMachine& machine, const AlphaPaging& paging,
                           PaperPlaces* wanted) {
  PaperObjects objects = paper_objects(machine);
  PaperPlaces& places = objects.places;
  Frames frames(0x3FFF); // below 128 MB
  auto direct = [&](std::uint64_t page) { return paging.direct && page >> 30 == 2; };
  // [U]: 11_alpha.md section 1.  Bit 0 valid, bit 4 global.
  PageTree tree(frames, 4, [](std::uint64_t frame) { return frame << 9 | 0x11; });
  const PaperPages pages = paper_pages(machine, &objects);
  for (const auto& [page, bytes] : pages)
    if (direct(page)) frames.fixed((page & 0x3FFFFFFF) / kPaperPage, bytes);
  tree.make_root();
  places.root = tree.root * kPaperPage;
  if (paging.self_map) tree.map({0xC0}, tree.root);
  for (const auto& [page, bytes] : pages) {
    std::uint64_t frame = (page & 0x3FFFFFFF) / kPaperPage;
    if (!direct(page)) {
      frame = frames.take(bytes);
      tree.map({page >> 24 & 0xFF, page >> 13 & 0x7FF}, frame);
    }
    places.frames.push_back({page, frame});
  }
  Bytes header = header32(machine.build, kMachineAlpha);
  set_roots(header, paging.root_is_entry ? tree.entry(tree.root) : places.root, places.module_list,
            places.process_list);
  set_stop(header, machine);
  Bytes filler = page_filler(4); // NT 4 knows no DumpType
  Bytes out = as_full(header, frames.list(0x56));
  put_bytes(out, 0xF88, filler);
  if (wanted) *wanted = places;
  return out;
}

Bytes write_ia64_pagedu64(const PaperMachine& machine, const Ia64Paging& paging,
                          PaperPlaces* wanted) {
  PaperObjects objects = paper_objects(machine);
  PaperPlaces& places = objects.places;
  Frames frames(0x7FFF); // below 256 MB
  // 12_ia64.md section 7, [P: SDM]: present, accessed, dirty, frame in place.
  PageTree tree(frames, 8, [](std::uint64_t frame) { return frame * kPaperPage | 0x61; });
  const PaperPages pages = paper_pages(machine, &objects);
  auto direct = [](std::uint64_t page) { return page >> 61 == 4; };
  auto frame_in_kseg3 = [](std::uint64_t page) {
    return (page & ((std::uint64_t{1} << 61) - 1)) / kPaperPage;
  };
  for (const auto& [page, bytes] : pages)
    if (direct(page)) frames.fixed(frame_in_kseg3(page), bytes);
  tree.make_root();
  places.root = tree.root * kPaperPage;
  if (paging.self_map) tree.map({1023}, tree.root);
  for (const auto& [page, bytes] : pages) {
    std::uint64_t frame = frame_in_kseg3(page);
    if (!direct(page)) {
      frame = frames.take(bytes);
      if (paging.tables && page >> 61 == 7)
        tree.map({page >> 33 & 0x3FF, page >> 23 & 0x3FF, page >> 13 & 0x3FF}, frame);
    }
    places.frames.push_back({page, frame});
  }
  Bytes header = header64(machine.build, kMachineIa64);
  const std::uint64_t other = paging.root_in_header ? 0 : frames.take({}) * kPaperPage;
  set_roots(header, paging.root_in_header ? places.root : other, places.module_list,
            places.process_list);
  set_stop(header, machine);
  put64(header, 0x80, places.kdbg);
  put64(header, 0xFA8, machine.system_time);
  put32(header, 0x1040, 3); // ProductType: server
  Bytes out = as_full(header, frames.list(0x2B));
  if (wanted) *wanted = places;
  return out;
}

} // namespace dumptriage::synth
