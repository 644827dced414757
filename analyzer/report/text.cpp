#include "report/text_parts.h"

#include "base/text.h"

namespace dumptriage::report {
namespace {

void cannot(Paper& paper, const Document& d) {
  std::string why = d.error->message();
  paper.paragraph("Cannot be analysed: " + why, 0, 2, Ink::bad);
  paper.blank();
  if (!why.starts_with(d.dump.path + ": ")) paper.item("File", d.dump.path);
  if (why.find(d.dump.description) == std::string::npos) paper.item("It is", d.dump.description);
  if (d.dump.size != 0) paper.item("Size", std::to_string(d.dump.size) + " bytes");
}

} // namespace

std::string to_text(const Document& d, const TextOptions& options) {
  Paper paper(options.colour);
  bool anything = d.crash.kind != "none" || !d.threads.empty() || !d.modules.empty();
  if (d.error)
    cannot(paper, d);
  else
    text::verdict(paper, d);
  if (!d.error || anything) {
    text::stop(paper, d);
    text::crashed_stack(paper, d, options);
    text::waits(paper, d, options);
    text::irps(paper, d, options);
    text::pool(paper, d);
    text::peers(paper, d);
    text::other_stacks(paper, d, options);
    text::modules(paper, d, options);
  }
  text::missing(paper, d);
  return paper.text();
}

} // namespace dumptriage::report
