// A walk over the result of a .pt file's pickle that gives each tensor its name. Iterative: the depth of a pickle is
// the author's choice, that of our stack is not.
#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "lacuna/formats/printable.hpp"
#include "lacuna/formats/pt_objects.hpp"

namespace lacuna {
namespace {

struct Frame {
  const PickleNode* node = nullptr;
  std::size_t next = 0;        // index of node->items
  std::size_t name_bytes = 0;  // of the path to the container
};

class NameWalk {
 public:
  NameWalk(const PickleTree& tree, const std::vector<std::uint32_t>& tensor_of, const ByteSource& source,
           MemoryBudget& budget)
      : tree_(tree), tensor_of_(tensor_of), source_(source), budget_(budget), checked_(tree.nodes.size()) {}

  std::vector<PtName> run() {
    visit(tree_.root, 0);
    while (!frames_.empty()) advance();
    require_unique_names();
    return std::move(names_);
  }

 private:
  void visit(const PickleValue& value, std::uint64_t offset);
  void enter(const PickleValue& value);
  void advance();
  void append_key(const Frame& frame, const PickleValue* key, std::size_t index);
  std::string key_text(const PickleValue& key) const;
  void require_unique_keys(const PickleNode& dict);
  void require_unique_names();

  const PickleTree& tree_;
  const std::vector<std::uint32_t>& tensor_of_;
  const ByteSource& source_;
  MemoryBudget& budget_;
  std::vector<bool> checked_;  // by node: a dict whose keys were compared
  std::vector<Frame> frames_;
  std::string path_;
  std::vector<PtName> names_;
};

void NameWalk::visit(const PickleValue& value, std::uint64_t offset) {
  if (is_pickle_container(value.kind)) return enter(value);
  if (value.kind != PickleKind::call) return;
  const std::uint32_t made = tensor_of_[static_cast<std::size_t>(value.number)];
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::any_of(path_.begin(), path_.end(), control)) {
    source_.fail(offset, fmt::format("control character in the tensor name {}", printable(path_)));
  }
  constexpr std::uint64_t kRecordBytes = 2 * (sizeof(PtName) + sizeof(NamedTensor)) + 16 * 8;
  budget_.charge(kRecordBytes + 2 * path_.size(), source_, offset);
  names_.push_back({path_, made - 1});
}

void NameWalk::enter(const PickleValue& value) {
  const auto& node = tree_.node(value);
  if (frames_.size() == kMaxPtNesting) {
    source_.fail(node.offset, fmt::format("more than {} containers inside each other", kMaxPtNesting),
                 ErrorCode::limit_exceeded);
  }
  if (node.kind == PickleKind::dict && !checked_[static_cast<std::size_t>(value.number)]) {
    checked_[static_cast<std::size_t>(value.number)] = true;
    require_unique_keys(node);
  }
  frames_.push_back({&node, 0, path_.size()});
}

void NameWalk::advance() {
  Frame& frame = frames_.back();
  const auto& items = frame.node->items;
  path_.resize(frame.name_bytes);
  if (frame.next == items.size()) {
    frames_.pop_back();
    return;
  }
  constexpr std::uint64_t kStepCharge = 4;  // shared containers are walked once per path: this bounds the time
  budget_.charge(kStepCharge, source_, frame.node->offset);
  const bool dict = frame.node->kind == PickleKind::dict;
  const std::size_t index = frame.next;
  frame.next += dict ? 2 : 1;
  const PickleValue& value = items[dict ? index + 1 : index];
  if (is_pickle_container(value.kind) || value.kind == PickleKind::call) {
    append_key(frame, dict ? &items[index] : nullptr, index);
  }
  visit(value, frame.node->offset);
}

void NameWalk::append_key(const Frame& frame, const PickleValue* key, std::size_t index) {
  if (key != nullptr && key->kind == PickleKind::real) {
    source_.fail(frame.node->offset, "a tensor under a key that is a float", ErrorCode::unsupported_format);
  }
  const std::string text = key != nullptr ? key_text(*key) : std::to_string(index);
  if (path_.size() + 1 + text.size() > kMaxPtNameBytes) {
    source_.fail(frame.node->offset, fmt::format("a tensor name of more than {} bytes", kMaxPtNameBytes),
                 ErrorCode::limit_exceeded);
  }
  budget_.charge(text.size(), source_, frame.node->offset);
  if (frames_.size() > 1) path_ += '.';
  path_ += text;
}

std::string NameWalk::key_text(const PickleValue& key) const {
  switch (key.kind) {
    case PickleKind::string: return std::string(tree_.text(key).substr(0, kMaxPtNameBytes + 1));
    case PickleKind::boolean: return key.number != 0 ? "True" : "False";
    case PickleKind::integer: return std::to_string(key.number);
    default: return "None";
  }
}

// In Python the last of equal keys wins, elsewhere the first may: such a dict means two things. Keys that are the very
// same string (by memo) are found first, so that no text is compared more than log n times.
void NameWalk::require_unique_keys(const PickleNode& dict) {
  std::vector<const PickleValue*> keys;
  for (std::size_t i = 0; i < dict.items.size(); i += 2) {
    if (dict.items[i].kind != PickleKind::real) keys.push_back(&dict.items[i]);
  }
  const auto identity = [](const PickleValue* a, const PickleValue* b) {
    return std::tie(a->kind, a->number, a->length) < std::tie(b->kind, b->number, b->length);
  };
  const auto content = [&](const PickleValue* a, const PickleValue* b) {
    const bool texts = a->kind == PickleKind::string && b->kind == PickleKind::string;
    return texts ? tree_.text(*a) < tree_.text(*b) : identity(a, b);
  };
  const auto require_unique = [&](const auto& order) {
    std::sort(keys.begin(), keys.end(), order);
    const auto twin = std::adjacent_find(keys.begin(), keys.end(), [&](auto* a, auto* b) { return !order(a, b); });
    if (twin == keys.end()) return;
    source_.fail(dict.offset, fmt::format("a dict with the key {} twice", printable(key_text(**twin))));
  };
  require_unique(identity);
  require_unique(content);
}

void NameWalk::require_unique_names() {
  std::vector<const std::string*> sorted;
  sorted.reserve(names_.size());
  for (const auto& entry : names_) sorted.push_back(&entry.name);
  std::sort(sorted.begin(), sorted.end(), [](auto* a, auto* b) { return *a < *b; });
  const auto twin = std::adjacent_find(sorted.begin(), sorted.end(), [](auto* a, auto* b) { return *a == *b; });
  if (twin != sorted.end()) {
    throw Error(ErrorCode::unsupported_format,
                fmt::format("two tensors of this file would both be named {}", printable(**twin)))
        .at(source_.path());
  }
}

}  // namespace

std::vector<PtName> name_pt_tensors(const PickleTree& tree, const std::vector<std::uint32_t>& tensor_of,
                                    const ByteSource& source, MemoryBudget& budget) {
  return NameWalk(tree, tensor_of, source, budget).run();
}

}  // namespace lacuna
