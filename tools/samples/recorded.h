// Recordings of executed code (JSON, numbers and bytes as hex text), for the makers of samples.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>

#include <nlohmann/json.hpp>

#include "synth/bytes_out.h"

namespace dumptriage::samples {

inline std::uint64_t hex(const nlohmann::json& value) {
  return std::stoull(value.get<std::string>(), nullptr, 16);
}
inline synth::Bytes hex_bytes(const std::string& text) {
  synth::Bytes out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    out.push_back(static_cast<std::uint8_t>(std::stoul(text.substr(i, 2), nullptr, 16)));
  return out;
}
inline nlohmann::json read_recording(const char* path) {
  std::ifstream in(path);
  return nlohmann::json::parse(in);
}
// "netbt" of "netbt.sys".
inline std::string stem(const std::string& name) { return name.substr(0, name.find('.')); }

inline void write_file(const std::string& path, const synth::Bytes& data) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(data.data()), static_cast<std::streamsize>(data.size()));
}
inline void write_file(const std::string& path, const std::string& text) {
  write_file(path, synth::Bytes(text.begin(), text.end()));
}

} // namespace dumptriage::samples
