// The opcodes with which a pickle imports, calls or instantiates in Python. Here a global is a row of a table, a call a
// node of the tree; what is neither is refused by name.
#include <fmt/format.h>

#include "lacuna/formats/pickle_machine.hpp"
#include "lacuna/formats/pickle_opcodes.hpp"
#include "lacuna/formats/printable.hpp"

namespace lacuna {

bool PickleMachine::step_call(std::uint8_t opcode) {
  switch (opcode) {
    case kGlobal: {
      const auto module = take_line();
      push_global(module, take_line());
      return true;
    }
    case kStackGlobal: stack_global(); return true;
    case kReduce: reduce(); return true;
    case kBuild: build(); return true;
    case kBinPersId: push_persistent_id(); return true;
    default: return false;
  }
}

void PickleMachine::push_global(std::string_view module, std::string_view name) {
  PickleNode node;
  node.kind = PickleKind::global;
  node.global = &allowed_global(module, name, source_, op_at_);
  push_node(std::move(node));
}

void PickleMachine::stack_global() {
  require_reachable(2);
  const PickleValue name = stack_[stack_.size() - 1];
  const PickleValue module = stack_[stack_.size() - 2];
  if (module.kind != PickleKind::string || name.kind != PickleKind::string) {
    fail("pickle: STACK_GLOBAL of something that is not two strings", ErrorCode::forbidden_global);
  }
  stack_.resize(stack_.size() - 2);
  push_global(tree_.text(module), tree_.text(name));
}

void PickleMachine::reduce() {
  require_reachable(2);
  const PickleValue callable = stack_[stack_.size() - 2];
  const PickleValue arguments = stack_[stack_.size() - 1];
  if (callable.kind != PickleKind::global) {
    fail("pickle: REDUCE calls something that is not an allowed global", ErrorCode::forbidden_global);
  }
  if (arguments.kind != PickleKind::tuple) fail("pickle: REDUCE with arguments that are not a tuple");
  stack_.resize(stack_.size() - 2);
  PickleNode made;
  made.global = node(callable).global;
  const auto& items = node(arguments).items;
  switch (made.global->role) {
    case PickleRole::ordered_dict:
      made.kind = PickleKind::dict;
      made.ordered = true;
      made.items = ordered_dict_items(items);
      break;
    case PickleRole::size:
      if (items.size() != 1 || items[0].kind != PickleKind::tuple) fail("pickle: torch.Size takes one tuple");
      made.kind = PickleKind::tuple;
      grow(made.items, node(items[0]).items.size());
      made.items = node(items[0]).items;
      break;
    case PickleRole::rebuild_tensor:
    case PickleRole::rebuild_tensor_v2:
    case PickleRole::rebuild_parameter:
      made.kind = PickleKind::call;
      grow(made.items, items.size());
      made.items = items;
      break;
    case PickleRole::storage:
    case PickleRole::dtype:
      fail(fmt::format("pickle: REDUCE calls {}.{}, which is not a function", made.global->module, made.global->name),
           ErrorCode::forbidden_global);
  }
  push_node(std::move(made));
}

// OrderedDict() or, as Python 2 wrote it, OrderedDict([[key, value], …]).
std::vector<PickleValue> PickleMachine::ordered_dict_items(const std::vector<PickleValue>& arguments) {
  std::vector<PickleValue> items;
  if (arguments.empty()) return items;
  if (arguments.size() != 1 || arguments[0].kind != PickleKind::list) {
    fail("pickle: OrderedDict takes nothing or one list of pairs");
  }
  const auto& pairs = node(arguments[0]).items;
  grow(items, 2 * pairs.size());
  for (const auto& value : pairs) {
    const bool sequence = value.kind == PickleKind::list || value.kind == PickleKind::tuple;
    if (!sequence || node(value).items.size() != 2) fail("pickle: OrderedDict takes a list of pairs");
    const auto& pair = node(value).items;
    require_key(pair[0]);
    items.insert(items.end(), pair.begin(), pair.end());
  }
  return items;
}

// A state_dict carries its versions as an attribute, `_metadata`; it describes no tensors and is dropped.
void PickleMachine::build() {
  require_reachable(2);
  const PickleValue state = stack_[stack_.size() - 1];
  const PickleValue object = stack_[stack_.size() - 2];
  if (object.kind != PickleKind::dict || !node(object).ordered) {
    fail("pickle: BUILD of something that is not an OrderedDict", ErrorCode::forbidden_global);
  }
  if (state.kind != PickleKind::dict) fail("pickle: BUILD with a state that is not a dict");
  const auto& items = node(state).items;
  budget_.charge(items.size(), source_, op_at_);  // one dict may be the state of many BUILDs: bounds the time, too
  for (std::size_t i = 0; i < items.size(); i += 2) {
    if (items[i].kind != PickleKind::string) fail("pickle: BUILD with an attribute whose name is not text");
  }
  stack_.pop_back();
}

void PickleMachine::push_persistent_id() {
  if (top().kind != PickleKind::tuple) fail("pickle: a persistent id that is not a tuple");
  PickleNode made;
  made.kind = PickleKind::persistent_id;
  const auto& items = node(top()).items;
  const bool named = !items.empty() && items[0].kind == PickleKind::string;
  const std::string_view kind = named ? tree_.text(items[0]) : std::string_view();
  if (kind == "module") {
    fail("pickle: a whole module was saved (persistent id 'module'); allowed are tensors and plain containers",
         ErrorCode::forbidden_global);
  }
  if (kind != "storage") fail(fmt::format("pickle: persistent id {}; expected 'storage'", printable(kind)));
  grow(made.items, items.size());
  made.items = items;
  stack_.pop_back();
  push_node(std::move(made));
}

void PickleMachine::refuse(std::uint8_t opcode) const {
  const auto name = refused_pickle_opcode(opcode);
  if (name.empty()) fail(fmt::format("pickle: unknown opcode {:#04x}", opcode));
  if (!opcode_reaches_code(opcode)) {
    fail(fmt::format("pickle: opcode {}, which tensors do not need", name), ErrorCode::unsupported_format);
  }
  std::string target;
  if (name == "INST") {  // module and class follow as two lines
    constexpr std::uint64_t kShown = 400;
    const auto rest = source_.text(at_, std::min(end_ - at_, kShown), "pickle");
    const auto module = rest.substr(0, rest.find('\n'));
    const auto after = rest.substr(std::min(module.size() + 1, rest.size()));
    target = " of " + printable(fmt::format("{}.{}", module, after.substr(0, after.find('\n'))));
  } else if (name == "EXT1" && at_ != end_) {
    target = fmt::format(" (extension code {})", source_.u8(at_, "pickle"));
  }
  fail(fmt::format("pickle: opcode {}{} makes an object; allowed are tensors and plain containers", name, target),
       ErrorCode::forbidden_global);
}

}  // namespace lacuna
