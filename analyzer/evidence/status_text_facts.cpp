// Stops that name a program or file in words: STATUS_SYSTEM_PROCESS_TERMINATED,
// STATUS_IMAGE_CHECKSUM_MISMATCH, STATUS_MISSING_SYSTEMFILE (Microsoft's bug check reference:
// parameter 1 is a string).  Which form the string has is not documented, so a counted string, its
// characters themselves, wide or not, are all tried, and one that is not printable throughout is
// none.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "evidence/exceptions.h"
#include "evidence/extractors.h"
#include "evidence/places.h"

namespace dumptriage::evidence {

namespace {

constexpr std::uint32_t kProcessTerminated = 0xC000021A, kChecksum = 0xC0000221,
                        kMissingFile = 0xC0000143;
constexpr std::size_t kMostCharacters = 260, kFewest = 4;

bool is_text_stop(const system::Stop& stop) {
  return stop.kind == system::StopKind::bugcheck &&
         (stop.code == kProcessTerminated || stop.code == kChecksum || stop.code == kMissingFile);
}

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7F; });
}

class Strings {
public:
  explicit Strings(const Input& input)
      : memory_(*input.snapshot.memory),
        pointer_size_(arch::pointer_size_of(input.snapshot.machine)) {}

  std::string at(std::uint64_t address) const {
    std::string text = counted(address);
    if (text.empty()) text = ended(address, 1);
    if (text.empty()) text = ended(address, 2);
    return text;
  }

private:
  // Characters of `width` bytes as ASCII; empty when they are others.
  static std::string narrow(std::span<const std::byte> bytes, std::size_t width) {
    std::string text;
    for (std::size_t i = 0; i + width <= bytes.size(); i += width) {
      if (width == 2 && bytes[i + 1] != std::byte{0}) return {};
      text += static_cast<char>(bytes[i]);
    }
    return is_printable(text) ? text : std::string();
  }

  // UNICODE_STRING or ANSI_STRING: Length u16, MaximumLength u16, Buffer at the pointer's size.
  std::string counted(std::uint64_t address) const {
    const auto lengths = memory_.u32(address);
    const auto size = static_cast<std::uint64_t>(pointer_size_);
    const auto buffer = memory_.pointer(address + size, pointer_size_);
    if (!lengths || !buffer) return {};
    const std::size_t length = *lengths & 0xFFFF, most = *lengths >> 16;
    if (length < kFewest || length > most || length > 2 * kMostCharacters) return {};
    std::vector<std::byte> bytes(length);
    if (!memory_.copy(*buffer, bytes)) return {};
    std::string text = length % 2 == 0 ? narrow(bytes, 2) : std::string();
    return text.empty() ? narrow(bytes, 1) : text;
  }

  // Up to a zero.
  std::string ended(std::uint64_t address, std::size_t width) const {
    std::array<std::byte, 2 * kMostCharacters> buffer{};
    const std::size_t got = memory_.read(address, buffer).got;
    for (std::size_t i = 0; i + width <= got; i += width) {
      const bool zero = buffer[i] == std::byte{0} && (width == 1 || buffer[i + 1] == std::byte{0});
      if (!zero) continue;
      const std::string text = narrow(std::span(buffer).first(i), width);
      return text.size() >= kFewest ? text : std::string();
    }
    return {};
  }

  const memory::AddressSpace& memory_;
  int pointer_size_;
};

// The file that the words name: a word with the extension of an image, or one of the two processes
// that the system's own messages call by other names.
std::string image_in(std::string_view text) {
  const std::string all = lower(text);
  for (const std::string_view extension : {".exe", ".dll", ".sys", ".drv", ".nls"}) {
    const std::size_t at = all.find(extension);
    if (at == std::string::npos) continue;
    const std::size_t end = at + extension.size();
    const std::size_t start = all.find_last_of(" \\/:'\"", at);
    const std::size_t begin = start == std::string::npos ? 0 : start + 1;
    if (begin < at) return all.substr(begin, end - begin);
  }
  if (all.starts_with("windows logon process")) return "winlogon.exe";
  if (all.starts_with("windows subsystem")) return "csrss.exe";
  if (all.starts_with("session manager")) return "smss.exe";
  return {};
}

} // namespace

void extract_status_text(const Input& input, FactSet& set) {
  const system::Snapshot& snapshot = input.snapshot;
  if (!is_text_stop(snapshot.stop)) {
    const bool none_there = snapshot.stop.kind != system::StopKind::none || !snapshot.kernel;
    set.coverage.push_back({"status_text",
                            none_there ? Coverage::Extent::complete : Coverage::Extent::none, 0, 0,
                            none_there ? "" : "the dump's header carries no STOP code"});
    return;
  }
  const auto& parameters = snapshot.stop.parameters;
  std::string text;
  if (snapshot.memory && !parameters.empty())
    text = Strings(input).at(native(input, parameters[0]));
  Fact fact;
  fact.kind = "status_text";
  fact.id = "status_text";
  fact.trust = "dump";
  if (!text.empty()) {
    fact.fields["text"] = text;
    fact.where = Where::virtual_address(native(input, parameters[0]));
    if (std::string image = image_in(text); !image.empty()) fact.fields["image"] = std::move(image);
  }
  if (snapshot.stop.code == kProcessTerminated && parameters.size() > 1)
    fact.fields["status"] = std::uint64_t{static_cast<std::uint32_t>(parameters[1])};
  const bool whole = fact.fields.contains("image");
  if (!fact.fields.empty()) set.facts.push_back(fact);
  set.coverage.push_back({"status_text",
                          whole                 ? Coverage::Extent::complete
                          : fact.fields.empty() ? Coverage::Extent::none
                                                : Coverage::Extent::partial,
                          whole ? 1u : 0u, 1,
                          whole          ? ""
                          : text.empty() ? "the text that the stop points to is not in the dump"
                                         : "the text that the stop points to names no file"});
}

} // namespace dumptriage::evidence
