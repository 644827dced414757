// I/O requests and pool pages.
#include "report/text_parts.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"

namespace dumptriage::report::text {
namespace {

constexpr std::size_t kAround = 4, kBeforeDamage = 6; // pool blocks that are shown

std::string address_with(std::uint64_t address, const std::string& place, int pointer_size) {
  if (!place.empty()) return flat(place);
  return hex_address(address, pointer_size);
}

void location(Paper& paper, const IrpLocationRow& row, int pointer_size) {
  std::string text = row.major.empty() ? "major " + hex(row.major_number) : row.major;
  if (!row.minor.empty())
    text += " " + row.minor;
  else if (row.minor_number != 0)
    text += " minor " + hex(row.minor_number);
  if (!row.driver.empty()) text += ", " + flat(row.driver);
  if (row.device != 0) text += ", device " + hex_address(row.device, pointer_size);
  if (row.completion != 0)
    text += ", completion " + address_with(row.completion, row.completion_at, pointer_size);
  paper.paragraph(fmt::format("{} {} {}", row.current ? "->" : "- ", row.number, text), 4, 5);
}

void irp(Paper& paper, const IrpRow& row, int pointer_size) {
  std::string text = "IRP " + hex_address(row.address, pointer_size) + " (" + flat(row.from) + ")";
  if (!row.thread_id.empty() && row.from.find("thread " + row.thread_id) == std::string::npos)
    text += " of thread " + row.thread_id;
  if (row.completed)
    text += ": completed already";
  else if (row.current_location == row.stack_count + 1)
    text += ": no driver has it";
  else
    text += fmt::format(": at {} of {}", row.current_location, row.stack_count);
  if (row.pending) text += ", pending";
  if (row.cancelled) text += ", cancelled";
  if (row.cancel_routine != 0)
    text += ", cancel routine " + address_with(row.cancel_routine, row.cancel_at, pointer_size);
  if (row.trust == "self_checked") text += " [self_checked]";
  paper.paragraph(text, 2, 2);
  for (const IrpLocationRow& one : row.locations) location(paper, one, pointer_size);
}

void block(Paper& paper, const PoolBlockRow& row, int pointer_size) {
  std::string how = row.state.empty() ? "state not told" : row.state;
  if (!row.pool.empty()) how += ", " + row.pool;
  paper.line(fmt::format("  {} {}  {:>5}  {}  {}", row.asked ? "->" : "  ",
                         hex_address(row.address, pointer_size), hex(row.size), row.tag, how),
             row.asked ? Ink::bold : Ink::plain);
}

// The blocks around the asked one, and the last ones before the damage.
void blocks(Paper& paper, const PoolRow& page, int pointer_size) {
  std::size_t count = page.blocks.size(), hidden = 0;
  auto asked = std::ranges::find_if(page.blocks, &PoolBlockRow::asked);
  std::size_t at = static_cast<std::size_t>(asked - page.blocks.begin());
  bool found = asked != page.blocks.end();
  auto flush = [&] {
    if (hidden != 0)
      paper.line(fmt::format("     ... {} block{}", hidden, hidden == 1 ? "" : "s"), Ink::dim);
    hidden = 0;
  };
  for (std::size_t i = 0; i < count; ++i) {
    bool near = found && i + kAround >= at && i <= at + kAround;
    bool last = page.inconsistent_at && i + kBeforeDamage >= count;
    if (!near && !last) {
      ++hidden;
      continue;
    }
    flush();
    block(paper, page.blocks[i], pointer_size);
  }
  flush();
}

void pool_page(Paper& paper, const PoolRow& page, int pointer_size) {
  paper.heading(
      fmt::format("Pool around {} ({})", hex_address(page.asked, pointer_size), flat(page.from)));
  if (!page.undecided.empty()) paper.paragraph("Undecided: " + page.undecided, 2);
  if (page.blocks.empty()) return;
  std::string how = page.trust == "self_checked" ? " [self_checked]" : "";
  paper.line(fmt::format("  page {}, {}{}", hex_address(page.page, pointer_size), page.form, how),
             Ink::dim);
  blocks(paper, page, pointer_size);
  if (page.inconsistent_at) {
    paper.paragraph(fmt::format("INCONSISTENT at {}: {}",
                                hex_address(*page.inconsistent_at, pointer_size), page.diagnosis),
                    2, 2, Ink::bad);
    paper.line("     " + page.damage, Ink::dim);
    bool asked = std::ranges::any_of(page.blocks, &PoolBlockRow::asked);
    if (!asked) paper.paragraph("The address lies behind it, in no block that can be told.", 2);
  }
  if (!page.fill.empty()) paper.line("  the block's data hold nothing but " + page.fill);
}

} // namespace

void irps(Paper& paper, const Document& d, const TextOptions& options) {
  bool headed = false;
  for (const IrpRow& row : d.irps) {
    if (!options.irps && !row.of_stop) continue;
    if (!headed) paper.heading("I/O requests");
    headed = true;
    irp(paper, row, d.pointer_size);
  }
}

void peers(Paper& paper, const Document& d) {
  if (d.network_peers.empty()) return;
  paper.heading("Other machines whose packets the crashed code had to do with");
  for (const PeerRow& row : d.network_peers) {
    std::string text = row.address;
    if (row.port != 0) text += fmt::format(" port {}", row.port);
    if (!row.mac.empty()) text += ", MAC " + row.mac;
    text += row.certainty == "agreed" ? ": " : " (a candidate only): ";
    paper.paragraph(text + flat(row.why), 2, 2);
  }
}

void pool(Paper& paper, const Document& d) {
  for (const PoolRow& page : d.pool) pool_page(paper, page, d.pointer_size);
}

} // namespace dumptriage::report::text
