#include "symbols/table_source.h"

namespace dumptriage::symbols {
namespace {

class TableSource final : public SymbolSource {
public:
  explicit TableSource(FillTables fill) : fill_(std::move(fill)) {}

  std::optional<Symbol> lookup(std::uint32_t rva) override {
    auto source = tables().to_source.map(rva);
    auto symbol = source ? tables_->names.find(*source) : std::nullopt;
    if (symbol) symbol->rva = tables_->from_source.map(symbol->rva).value_or(0);
    return symbol;
  }
  std::optional<arch::FrameData> frame_data(std::uint32_t rva) override {
    return through_omap(tables().frames, tables_->to_source, tables_->from_source, rva);
  }

private:
  ImageTables& tables() {
    if (!tables_) {
      fill_(tables_.emplace());
      tables_->names.seal();
      tables_->frames.seal();
    }
    return *tables_;
  }
  FillTables fill_;
  std::optional<ImageTables> tables_;
};

} // namespace

std::shared_ptr<SymbolSource> make_table_source(FillTables fill) {
  return std::make_shared<TableSource>(std::move(fill));
}

} // namespace dumptriage::symbols
