#include "symbols/llvm_tools.h"

namespace dumptriage::llvm_tools {
namespace {

class Reader {
public:
  explicit Reader(Listing& listing) : out_(listing) {}

  void line(const std::string& line) {
    if (line.starts_with("===")) part_ = previous_;
    previous_ = line;
    if (line.starts_with("Mod ")) module_ = line.substr(4, 4);
    if (part_.find("Original") != std::string::npos) return;
    if (part_.find("Section Headers") != std::string::npos) return section(line);
    if (part_.find("Inlinee Lines") != std::string::npos) return inlinee(line);
    if (part_.find("Lines") != std::string::npos) return lines(line);
    if (part_.find("Symbols") != std::string::npos) return symbol(line);
  }

private:
  void section(const std::string& line) {
    if (line.find("SECTION HEADER") != std::string::npos) out_.sections.emplace_back();
    if (out_.sections.empty()) return;
    if (line.ends_with("virtual size")) out_.sections.back().size = number(line, 16);
    if (line.ends_with("virtual address")) out_.sections.back().rva = number(line, 16);
    if (line.ends_with("IMAGE_SCN_CNT_CODE")) out_.sections.back().code = true;
  }
  // "  0x108C |   418 | d:\a.h (MD5: 51BC)"
  void inlinee(const std::string& line) {
    if (line.find(" | ") == std::string::npos || !line.starts_with("  0x")) return;
    auto file = line.substr(line.rfind(" | ") + 3);
    file.resize(std::min(file.size(), file.rfind(" (")));
    inlinees_[module_ + between(line, "0x", " ")] = {file, number(between(line, "| ", " |"), 10)};
  }
  // "d:\a.c (MD5: 71B2)", "  0001:00000138-0000014A, line/addr entries = 4", "   324 00000138 ! 328
  // ..."
  void lines(const std::string& line) {
    if (!line.empty() && line[0] != ' ' && line.find(" (") != std::string::npos)
      file_ = line.substr(0, line.rfind(" ("));
    if (line.find("line/addr entries") != std::string::npos) {
      out_.tables.push_back({file_,
                             number(line.substr(2), 16),
                             number(line.substr(7), 16),
                             number(line.substr(16), 16),
                             {}});
    } else if (line.starts_with("  ") && !out_.tables.empty()) {
      std::istringstream in(line);
      for (std::string text, offset; in >> text;)
        if (text != "!" && in >> offset)
          out_.tables.back().rows.push_back({number(offset, 16), number(text, 10)});
    }
  }
  void symbol(const std::string& line) {
    if (line.find(" | S_") != std::string::npos) {
      finish_site();
      site_ = line.find("| S_INLINESITE [") != std::string::npos;
      if (line.find("PROC32") != std::string::npos || line.find("| S_THUNK32") != std::string::npos)
        procedure_ = {between(line, "`", "` "), 0, 0, 0};
      if (!procedure_.name.empty() && procedure_.name.back() == '`') procedure_.name.pop_back();
      return;
    }
    if (auto place = between(line, "addr = ", ",");
        !place.empty() && procedure_.size == 0 && !procedure_.name.empty()) {
      auto size = between(line, "size = ", ",");
      procedure_.section = number(place, 10);
      procedure_.offset = number(place.substr(5), 10);
      procedure_.size = number(size, 10);
      out_.procedures.push_back(procedure_);
    }
    if (site_) annotation(line);
  }
  // "  inlinee = 0x1093 (invoke_main), parent = ...", "  0B23  code 0x65 (+0x3) line 1 (+1)",
  // "  0C2480EA  code 0xEA (+0xEA) code end 0x10E (+0x24)"
  void annotation(const std::string& line) {
    if (auto id = between(line, "inlinee = 0x", " "); !id.empty()) {
      finish_site();
      auto known = inlinees_.find(module_ + id);
      start_ = known != inlinees_.end() ? known->second : std::pair<std::string, std::uint32_t>{};
      auto name = line.substr(line.find('(') + 1);
      name_ = name.substr(0, name.rfind("), parent"));
      if (name_.ends_with("...")) name_.resize(name_.size() - 3); // long ones are cut
      line_ = 0;
      return;
    }
    if (auto text = between(line, " line ", " "); !text.empty())
      line_ = static_cast<int>(std::strtol(text.c_str(), nullptr, 10));
    if (auto text = between(line, " code 0x", " "); !text.empty()) {
      const std::uint32_t at = number(text, 16);
      close(at);
      open_ = true;
      begin_ = at;
      open_line_ = line_;
    }
    if (auto text = between(line, "code end 0x", " "); !text.empty()) close(number(text, 16));
  }
  void close(std::uint32_t end) {
    if (open_ && end > begin_ && start_.second != 0)
      out_.stretches.push_back(
          {name_, procedure_.section, procedure_.offset + begin_, procedure_.offset + end,
           fmt::format("{}:{}", start_.first, static_cast<int>(start_.second) + open_line_)});
    open_ = false;
  }
  void finish_site() { open_ = false; }

  Listing& out_;
  std::string part_, previous_, module_, file_, name_;
  std::map<std::string, std::pair<std::string, std::uint32_t>> inlinees_;
  std::pair<std::string, std::uint32_t> start_;
  Listing::Procedure procedure_;
  bool site_ = false, open_ = false;
  std::uint32_t begin_ = 0;
  int line_ = 0, open_line_ = 0;
};

} // namespace

Listing read_listing(const fs::path& pdb) {
  Listing listing;
  Reader reader(listing);
  const std::string tool = "llvm-pdbutil-19 ";
  for (const std::string& line :
       lines_of(output_of(tool + "dump -symbols -l -il --section-headers '" + pdb.string() + "'")))
    reader.line(line);
  listing.x64 = output_of(tool + "pdb2yaml --dbi-stream '" + pdb.string() + "'").find("x86\n") ==
                std::string::npos;
  return listing;
}

} // namespace dumptriage::llvm_tools
