#include "synth/convert.h"

#include "synth/page_dumps.h"
#include "synth/triage_from_full.h"

namespace dumptriage::synth {
namespace {

constexpr std::uint32_t kWindows2000 = 2195; // the first with triage dumps

bool cut_ending(std::string& text, const std::string& ending) {
  if (!text.ends_with(ending)) return false;
  text.resize(text.size() - ending.size());
  return true;
}

} // namespace

std::optional<Bytes> convert(const FullDump& dump, const std::string& name) {
  std::string kind = name;
  Frames frames;
  if (cut_ending(kind, "-kernel"))
    frames = dump.kernel_frames();
  else if (cut_ending(kind, "-small"))
    frames = without_zero_pages(dump, dump.kernel_frames());
  else
    frames = dump.all_frames();
  Bytes out;
  if (kind == "full") out = full_dump(dump, frames);
  if (kind == "summary") out = summary_dump(dump, frames);
  if (kind == "bitmap-full") out = bitmap_dump(dump, frames, 5);
  if (kind == "bitmap") out = bitmap_dump(dump, frames, 6);
  if (kind == "rdmp-8") out = rdmp_dump(dump, frames, 8);
  if (kind == "rdmp-9") out = rdmp_dump(dump, frames, 9);
  if (kind == "rdmp-a") out = rdmp_dump(dump, frames, 0xA);
  if (kind == "live") out = live_dump(dump, frames);
  if (kind == "triage" && dump.build() >= kWindows2000) out = triage_dump(dump);
  if (kind == "header") out = header_only(dump);
  if (kind == "nt4") out = nt4_dump(dump, frames);
  if (out.empty()) return std::nullopt;
  return out;
}

std::vector<std::string> kinds_of(const FullDump& dump) {
  std::vector<std::string> kinds = {"full", "summary", "bitmap-full", "bitmap"};
  if (dump.is64()) kinds.insert(kinds.end(), {"rdmp-8", "rdmp-9", "rdmp-a"});
  kinds.insert(kinds.end(), {"live", "header"});
  if (dump.build() >= kWindows2000) kinds.push_back("triage");
  if (!dump.is64()) kinds.push_back("nt4");
  return kinds;
}

} // namespace dumptriage::synth
