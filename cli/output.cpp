#include "cli/output.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <unistd.h>

#include "cli/cli.h"
#include "report/paper.h"

namespace dumptriage::cli {
namespace {

constexpr std::size_t kProgressColumns = 78;

bool wants_colour() {
  const char* no_color = std::getenv("NO_COLOR"); // https://no-color.org
  if (no_color && *no_color) return false;
  const char* term = std::getenv("TERM");
  return term && std::strcmp(term, "dumb") != 0;
}

} // namespace

Output::Output(const std::string& path) : path_(path) {
  errno = 0;
  file_ = path.empty() ? stdout : std::fopen(path.c_str(), "wb");
  if (!file_) error_ = errno != 0 ? errno : EIO;
}

Output::~Output() {
  if (file_ && file_ != stdout) std::fclose(file_);
}

void Output::write(std::string_view text) {
  if (error_ != 0 || text.empty()) return;
  errno = 0;
  if (std::fwrite(text.data(), 1, text.size(), file_) != text.size())
    error_ = errno != 0 ? errno : EIO;
}

bool Output::finish() {
  errno = 0;
  if (error_ == 0 && std::fflush(file_) != 0) error_ = errno != 0 ? errno : EIO;
  if (error_ != 0 && error_ != EPIPE)
    complain("cannot write " + (path_.empty() ? std::string("the result") : path_) + ": " +
             std::strerror(error_));
  return error_ == 0;
}

bool Output::terminal() const { return file_ && isatty(fileno(file_)) != 0; }
bool Output::colour() const { return terminal() && wants_colour(); }

ProgressLine::ProgressLine() : terminal_(isatty(STDERR_FILENO) != 0) {}

void ProgressLine::show(const std::string& text) {
  if (!terminal_) return;
  std::fprintf(stderr, "\r%s\x1b[K", report::clipped(report::flat(text), kProgressColumns).c_str());
  shown_ = true;
}

void ProgressLine::clear() {
  if (shown_) std::fputs("\r\x1b[K", stderr);
  shown_ = false;
}

void complain_of(const std::string& path, const Error& error) {
  std::string text = error.message();
  complain(text.starts_with(path + ": ") ? text : path + ": " + text);
}

void complain(const std::string& text) {
  std::fprintf(stderr, "dumptriage: %s\n", report::flat(text).c_str());
}

} // namespace dumptriage::cli
