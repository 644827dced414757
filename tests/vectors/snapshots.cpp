#include "vectors/snapshots.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string_view>

#include <archive.h>
#include <archive_entry.h>
#include <nlohmann/json.hpp>
#include <zlib.h>

namespace dumptriage::vectors {
namespace {

using Json = nlohmann::json;

std::uint64_t from_digits(std::string_view digits) {
  std::uint64_t value = 0;
  const char* end = digits.data() + digits.size();
  const auto [at, error] = std::from_chars(digits.data(), end, value, 16);
  if (digits.empty() || error != std::errc{} || at != end)
    throw std::runtime_error("no number: " + std::string(digits));
  return value;
}
std::uint64_t number(const Json& value) { return from_digits(value.get_ref<const std::string&>()); }

std::vector<std::uint64_t> numbers(const Json& list) {
  std::vector<std::uint64_t> out;
  for (const Json& value : list) out.push_back(number(value));
  return out;
}

// Itanium writes 82 bits as 5 digits (sign, exponent) and 16 (significand); Alpha has 64.
std::vector<Float> floats(const Json& list) {
  std::vector<Float> out;
  for (const Json& value : list) {
    const std::string_view digits = value.get_ref<const std::string&>();
    const std::size_t high = digits.size() > 16 ? digits.size() - 16 : 0;
    out.push_back(
        {from_digits(digits.substr(high)), high ? from_digits(digits.substr(0, high)) : 0});
  }
  return out;
}

Bytes from_hex(std::string_view digits) {
  Bytes out;
  for (std::size_t i = 0; i + 2 <= digits.size(); i += 2)
    out.push_back(static_cast<std::uint8_t>(from_digits(digits.substr(i, 2))));
  return out;
}

Bytes from_base64(std::string_view text) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  Bytes out;
  std::uint32_t bits = 0;
  int count = 0;
  for (char c : text) {
    if (c == '=') break;
    const std::size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) throw std::runtime_error("no base64");
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    if ((count += 6) < 8) continue;
    count -= 8;
    out.push_back(static_cast<std::uint8_t>(bits >> count));
  }
  return out;
}

Piece piece(const Json& json) {
  const Bytes packed = from_base64(json.at("zb64").get_ref<const std::string&>());
  Piece out{number(json.at("addr")), Bytes(json.at("size").get<std::size_t>())};
  uLongf size = out.bytes.size();
  if (size != 0 && (uncompress(out.bytes.data(), &size, packed.data(), packed.size()) != Z_OK ||
                    size != out.bytes.size()))
    throw std::runtime_error("bytes that do not unpack");
  return out;
}

std::string unpack_xz(const std::string& path) {
  const std::unique_ptr<archive, int (*)(archive*)> reader(archive_read_new(), archive_read_free);
  archive_entry* entry = nullptr;
  if (archive_read_support_filter_xz(reader.get()) != ARCHIVE_OK ||
      archive_read_support_format_raw(reader.get()) != ARCHIVE_OK ||
      archive_read_open_filename(reader.get(), path.c_str(), 1 << 16) != ARCHIVE_OK ||
      archive_read_next_header(reader.get(), &entry) != ARCHIVE_OK)
    throw std::runtime_error(path + " cannot be unpacked");
  std::string out;
  char buffer[1 << 16];
  for (;;) {
    const la_ssize_t got = archive_read_data(reader.get(), buffer, sizeof(buffer));
    if (got == 0) return out;
    if (got < 0) throw std::runtime_error(path + " cannot be unpacked to its end");
    out.append(buffer, static_cast<std::size_t>(got));
  }
}

void itanium_frame(Frame& out, const Json& json) {
  out.pc = number(json.at("ip"));
  out.bsp = number(json.at("bsp"));
  out.cfm = number(json.at("cfm"));
  out.caller = json.contains("r4_7");
  if (!out.caller) return;
  out.gp = number(json.at("gp"));
  out.pr = number(json.at("pr"));
  out.lc = number(json.at("lc"));
  out.unat = number(json.at("unat"));
  out.fpsr = number(json.at("fpsr"));
  out.r4_7 = numbers(json.at("r4_7"));
  out.b1_5 = numbers(json.at("b1_5"));
  out.stacked = numbers(json.at("stacked"));
  out.f = floats(json.at("f"));
}

Frame frame(const Json& json, bool itanium) {
  Frame out;
  if (const Json& name = json.at("func"); name.is_string()) out.function = name;
  out.sp = number(json.at("sp"));
  if (itanium) {
    itanium_frame(out, json);
    return out;
  }
  out.pc = number(json.at("pc"));
  out.caller = json.contains("s");
  if (!out.caller) return out;
  out.alpha_s = numbers(json.at("s"));
  out.alpha_f = numbers(json.at("f"));
  return out;
}

Snapshot snapshot(const Json& json, bool itanium) {
  Snapshot out;
  out.step = json.at("step");
  out.function = json.at("func");
  out.pc = number(json.at(itanium ? "ip" : "pc"));
  out.r = numbers(json.at("r"));
  out.f = floats(json.at("f"));
  for (const Json& one : json.at("mem")) out.memory.push_back(piece(one));
  for (const Json& one : json.at("frames")) out.frames.push_back(frame(one, itanium));
  if (!itanium) return out;
  out.pc = (out.pc & ~std::uint64_t{15}) + 4 * json.at("slot").get<unsigned>();
  out.stacked = numbers(json.at("stacked"));
  out.b = numbers(json.at("b"));
  out.backing = piece(json.at("bstore"));
  for (auto [name, value] : {std::pair{"pr", &out.pr},
                             {"cfm", &out.cfm},
                             {"pfs", &out.pfs},
                             {"bsp", &out.bsp},
                             {"rnat", &out.rnat},
                             {"unat", &out.unat},
                             {"lc", &out.lc},
                             {"ec", &out.ec},
                             {"fpsr", &out.fpsr}})
    *value = number(json.at(name));
  return out;
}

Program image(const std::string& path) {
  std::ifstream in(path);
  const Json json = Json::parse(in);
  Program out;
  out.itanium = json.at("machine") == "ia64";
  for (const Json& one : json.at("segments")) out.segments.push_back(piece(one));
  for (const Json& one : json.at("functions"))
    out.functions.push_back({one.at("name"), number(one.at("begin")), number(one.at("end")),
                             one.contains("prolog_end") ? number(one.at("prolog_end")) : 0});
  for (const Json& one : json.value("unwind", Json::array()))
    out.unwind.push_back({number(one.at("begin")), number(one.at("end")), number(one.at("header")),
                          from_hex(one.at("descriptors").get_ref<const std::string&>())});
  std::ranges::sort(out.segments, {}, &Piece::address);
  std::ranges::sort(out.functions, {}, &Function::begin);
  std::ranges::sort(out.unwind, {}, &UnwindEntry::begin);
  return out;
}

} // namespace

std::string folder() {
  const char* named = std::getenv("DUMPTRIAGE_CPU_VECTORS");
  return named != nullptr && *named != 0 ? named : DUMPTRIAGE_SHARED_DIR "/oracles/cpu";
}

std::vector<std::string> programs() {
  constexpr std::string_view kEnding = ".jsonl.xz";
  std::vector<std::string> out;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder(), error)) {
    const std::string name = entry.path().filename();
    if (name.ends_with(kEnding)) out.push_back(name.substr(0, name.size() - kEnding.size()));
  }
  std::ranges::sort(out);
  return out;
}

std::expected<Program, std::string> read(const std::string& name) {
  try {
    const std::string path = folder() + "/" + name;
    Program out = image(path + ".image.json");
    out.name = name;
    const std::string lines = unpack_xz(path + ".jsonl.xz");
    for (std::size_t at = 0; at < lines.size();) {
      const std::size_t end = std::min(lines.find('\n', at), lines.size());
      const std::string_view line = std::string_view(lines).substr(at, end - at);
      if (!line.empty()) out.snapshots.push_back(snapshot(Json::parse(line), out.itanium));
      at = end + 1;
    }
    return out;
  } catch (const std::exception& error) {
    return std::unexpected(name + ": " + error.what());
  }
}

std::map<int, std::vector<Opinion>> read_gdb(const std::string& name) {
  const std::string path = folder() + "/" + name + ".gdb.json.xz";
  std::map<int, std::vector<Opinion>> out;
  if (!std::filesystem::exists(path)) return out;
  const Json json = Json::parse(unpack_xz(path));
  for (const auto& [step, frames] : json.items())
    for (const Json& one : frames)
      out[std::stoi(step)].push_back({number(one.at("pc")), number(one.at("sp"))});
  return out;
}

} // namespace dumptriage::vectors
