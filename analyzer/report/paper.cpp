#include "report/paper.h"

#include <algorithm>

namespace dumptriage::report {
namespace {

constexpr std::size_t kColumns = 100;
constexpr std::size_t kLabel = 14;

// ECMA-48 SGR.
std::string_view code_of(Ink ink) {
  switch (ink) {
  case Ink::plain: return "";
  case Ink::bold: return "\x1b[1m";
  case Ink::dim: return "\x1b[2m";
  case Ink::good: return "\x1b[1;32m";
  case Ink::bad: return "\x1b[1;31m";
  case Ink::warn: return "\x1b[1;33m";
  }
  return "";
}

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

} // namespace

std::string flat(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    if (!is_space(c))
      out += c;
    else if (!out.empty() && out.back() != ' ')
      out += ' ';
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

std::size_t width_of(std::string_view text) {
  std::size_t width = 0;
  for (char c : text)
    if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) ++width;
  return width;
}

std::string padded(std::string_view text, std::size_t width) {
  std::string out(text);
  std::size_t have = width_of(text);
  if (have < width) out.append(width - have, ' ');
  return out;
}

std::string clipped(std::string_view text, std::size_t width) {
  if (width_of(text) <= width || width < 4) return std::string(text);
  std::size_t taken = 0, at = 0;
  while (at < text.size() && taken < width - 3) {
    ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
    ++taken;
  }
  return std::string(text.substr(0, at)) + "...";
}

void Paper::ink(Ink ink) {
  if (colour_) text_ += code_of(ink);
}

void Paper::line(std::string_view text, Ink colour) {
  if (colour != Ink::plain) ink(colour);
  text_ += text;
  if (colour_ && colour != Ink::plain) text_ += "\x1b[0m";
  text_ += '\n';
}

void Paper::blank() {
  if (!text_.empty() && !text_.ends_with("\n\n")) text_ += '\n';
}

void Paper::heading(std::string_view text) {
  blank();
  line(text, Ink::bold);
}

void Paper::paragraph(std::string_view text, std::size_t indent, std::size_t hang, Ink colour) {
  std::string words = flat(text);
  std::string row(indent, ' ');
  std::size_t width = indent, start = indent;
  std::size_t at = 0;
  while (at < words.size()) {
    std::size_t end = words.find(' ', at);
    if (end == std::string::npos) end = words.size();
    std::string_view word = std::string_view(words).substr(at, end - at);
    std::size_t more = width_of(word);
    if (width > start && width + 1 + more > kColumns) {
      line(row, colour);
      start = indent + hang;
      row.assign(start, ' ');
      width = start;
    }
    if (width > start) {
      row += ' ';
      ++width;
    }
    row += word;
    width += more;
    at = end + 1;
  }
  if (width > start || !words.empty()) line(row, colour);
}

void Paper::table(const std::vector<Column>& columns, const std::vector<Row>& rows) {
  std::vector<std::size_t> widths;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    std::size_t width = width_of(columns[c].title);
    for (const Row& row : rows) width = std::max(width, width_of(row[c]));
    widths.push_back(std::min(width, columns[c].most));
  }
  auto print = [&](auto&& cell, Ink colour) {
    std::string text;
    for (std::size_t c = 0; c < columns.size(); ++c) {
      std::string part = clipped(cell(c), widths[c]);
      text += c + 1 == columns.size() ? part : padded(part, widths[c]) + "  ";
    }
    text.erase(text.find_last_not_of(' ') + 1);
    line(text, colour);
  };
  print([&](std::size_t c) { return columns[c].title; }, Ink::bold);
  for (const Row& row : rows) print([&](std::size_t c) { return row[c]; }, Ink::plain);
}

void Paper::item(std::string_view label, std::string_view text) {
  if (text.empty()) return;
  // The label is made of hard words: wrapping must not squeeze its padding.
  Paper body(false);
  body.paragraph(text, kLabel + 2);
  std::string rows = body.text();
  std::string head = "  " + padded(label, kLabel);
  if (width_of(head) > kLabel + 2) {
    text_ += head + '\n';
    text_ += rows;
  } else {
    text_ += head + rows.substr(kLabel + 2);
  }
}

} // namespace dumptriage::report
