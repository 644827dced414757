// Arbitrary bytes through the whole pipeline, from file to both reports, without symbols.
#include <cstddef>
#include <cstdint>

#include "base/mapped_file.h"
#include "pipeline/analyze.h"
#include "report/document.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dumptriage;
  static pipeline::Analyzer analyzer(rules::builtin_catalogue(), {});
  pipeline::Options options;
  options.threads = pipeline::Threads::all;
  report::Document document =
      analyzer.analyze(MappedFile::borrow(ByteView(data, size), "fuzz.dmp"), options);
  report::TextOptions text;
  text.threads = report::TextOptions::Threads::all;
  if (report::to_json(document).empty() || report::to_text(document, text).empty())
    __builtin_trap();
  return 0;
}
