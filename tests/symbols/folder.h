// Files for the store to find.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "image/sample_image.h"

namespace dumptriage::symbols {

// A folder that is gone with the test.
class Folder {
public:
  Folder() : empty_({}, "empty") {}
  std::string path() const { return empty_.folder(); }
  void put(const std::string& name, const synth::Bytes& bytes) const {
    std::filesystem::path path = std::filesystem::path(this->path()) / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
  }
  void put(const std::string& name, const std::string& text) const {
    put(name, synth::Bytes(text.begin(), text.end()));
  }

private:
  image::TempFile empty_;
};

} // namespace dumptriage::symbols
