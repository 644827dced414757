// Where results go: standard output or a file.  A reader that went away (a closed pipe) ends the
// work quietly; a full disk does not.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

namespace dumptriage::cli {

class Output {
public:
  // An empty path is standard output.
  explicit Output(const std::string& path = {});
  ~Output();
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  void write(std::string_view text);
  // Flushes; false after a message on stderr when not everything could be written.
  bool finish();
  bool failed() const { return error_ != 0; } // nothing more needs to be made
  bool terminal() const;                      // a person looks: long cells may be cut
  bool colour() const;

private:
  std::FILE* file_ = nullptr;
  std::string path_;
  int error_ = 0;
};

// One line on a terminal that says how far the work is; nothing anywhere else.
class ProgressLine {
public:
  ProgressLine();
  ~ProgressLine() { clear(); }
  void show(const std::string& text);
  void clear();

private:
  bool terminal_ = false, shown_ = false;
};

} // namespace dumptriage::cli
