// What the text renderers write on: lines of about 100 columns, hanging indents, colour when asked.
// Widths are counted in code points; text from a dump never breaks a line or a column.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dumptriage::report {

enum class Ink { plain, bold, dim, good, bad, warn };

class Paper {
public:
  explicit Paper(bool colour) : colour_(colour) {}

  void line(std::string_view text, Ink ink = Ink::plain);
  void blank(); // at most one in a row, none at the top
  void heading(std::string_view text);
  // `indent` blanks, the text wrapped; following lines are indented by `hang` more.
  void paragraph(std::string_view text, std::size_t indent = 2, std::size_t hang = 0,
                 Ink ink = Ink::plain);
  // "  Label         text ...", wrapped under the text.
  void item(std::string_view label, std::string_view text);
  struct Column {
    std::string title;
    std::size_t most = 40; // longer cells are clipped
  };
  using Row = std::vector<std::string>;
  // Each column as wide as its widest cell.
  void table(const std::vector<Column>& columns, const std::vector<Row>& rows);

  void raw(std::string_view text) { text_ += text; }
  const std::string& text() const { return text_; }

private:
  void ink(Ink ink);
  std::string text_;
  bool colour_ = false;
};

// One line: every run of white space is one blank.
std::string flat(std::string_view text);
std::size_t width_of(std::string_view text);
// Padded to `width`; longer text stays whole.
std::string padded(std::string_view text, std::size_t width);
// At most `width` columns; what was cut is marked by "...".
std::string clipped(std::string_view text, std::size_t width);

} // namespace dumptriage::report
