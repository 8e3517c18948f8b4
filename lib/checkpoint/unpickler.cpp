#include "checkpoint/unpickler.h"

#include <array>
#include <bit>
#include <string_view>
#include <unordered_map>

#include "base/error.h"

namespace multitalk::pickle {
namespace {

enum Op : std::uint8_t {
  kMark = '(',
  kStop = '.',
  kPop = '0',
  kPopMark = '1',
  kBinFloat = 'G',
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kNone = 'N',
  kBinPersId = 'Q',
  kReduce = 'R',
  kBinString = 'T',
  kShortBinString = 'U',
  kBinUnicode = 'X',
  kAppend = 'a',
  kBuild = 'b',
  kGlobal = 'c',
  kAppends = 'e',
  kBinGet = 'h',
  kLongBinGet = 'j',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kSetItem = 's',
  kTuple = 't',
  kSetItems = 'u',
  kEmptyTuple = ')',
  kEmptyList = ']',
  kEmptyDict = '}',
  kProto = 0x80,
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kLong1 = 0x8a,
  kLong4 = 0x8b,
  kShortBinUnicode = 0x8c,
  kBinUnicode8 = 0x8d,
  kStackGlobal = 0x93,
  kMemoize = 0x94,
  kFrame = 0x95,
};

constexpr std::array<std::pair<std::string_view, at::ScalarType>, 10> kStorages = {{
    {"torch.DoubleStorage", at::kDouble},
    {"torch.FloatStorage", at::kFloat},
    {"torch.HalfStorage", at::kHalf},
    {"torch.BFloat16Storage", at::kBFloat16},
    {"torch.LongStorage", at::kLong},
    {"torch.IntStorage", at::kInt},
    {"torch.ShortStorage", at::kShort},
    {"torch.CharStorage", at::kChar},
    {"torch.ByteStorage", at::kByte},
    {"torch.BoolStorage", at::kBool},
}};

constexpr std::string_view kOrderedDict = "collections.OrderedDict";
constexpr std::string_view kRebuildTensor = "torch._utils._rebuild_tensor_v2";
constexpr std::string_view kRebuildParameter = "torch._utils._rebuild_parameter";

// Keys are small numbers; the bound keeps copies of them cheap.
constexpr std::size_t kMaxKeyBytes = 255;

bool is_storage(std::string_view name) {
  for (const auto& [known, dtype] : kStorages) {
    if (known == name) return true;
  }
  return false;
}

at::ScalarType storage_dtype(std::string_view name) {
  for (const auto& [known, dtype] : kStorages) {
    if (known == name) return dtype;
  }
  throw weights_error("{} is no storage of numbers", name);
}

template <typename T>
const T& expect(Ref value, const char* where) {
  const T* held = std::get_if<T>(&value->data);
  if (held == nullptr) throw weights_error("damaged pickle: {} is {}", where, kind_of(*value));
  return *held;
}

std::vector<int64_t> integers(Ref value, const char* where) {
  constexpr std::size_t kMaxDims = 64;  // of a torch tensor
  if (expect<Sequence>(value, where).items.size() > kMaxDims) {
    throw weights_error("damaged pickle: {} has more than {} dimensions", where, kMaxDims);
  }
  std::vector<int64_t> numbers;
  for (const Ref item : expect<Sequence>(value, where).items) {
    numbers.push_back(expect<int64_t>(item, where));
  }
  return numbers;
}

/// The stack machine. Stack entries are addresses; a mark is a null one.
class Machine {
 public:
  explicit Machine(ByteSpan pickle) : reader_(pickle, "pickle") {}

  std::unique_ptr<Document> run() {
    while (true) {
      const std::uint8_t op = reader_.u8();
      if (op == kStop) break;
      if (!run_literal(op) && !run_container(op)) run_other(op);
    }
    document_->root = pop();
    return std::move(document_);
  }

 private:
  template <typename T>
  Value* create(T value) {
    document_->values.push_back(Value{std::move(value)});
    return &document_->values.back();
  }

  template <typename T>
  void push(T value) {
    stack_.push_back(create(std::move(value)));
  }

  void push_text(std::uint64_t bytes) { push(std::string(as_text(reader_.take(bytes)))); }

  Value* top() {
    if (stack_.empty() || stack_.back() == nullptr) {
      throw weights_error("damaged pickle: a value is missing on the stack");
    }
    return stack_.back();
  }

  Value* pop() {
    Value* value = top();
    stack_.pop_back();
    return value;
  }

  std::vector<Ref> pop_to_mark() {
    std::size_t mark = stack_.size();
    while (mark > 0 && stack_[mark - 1] != nullptr) --mark;
    if (mark == 0) throw weights_error("damaged pickle: a mark is missing on the stack");
    std::vector<Ref> values(stack_.begin() + static_cast<std::ptrdiff_t>(mark), stack_.end());
    stack_.resize(mark - 1);
    return values;
  }

  bool run_literal(std::uint8_t op) {
    switch (op) {
      case kNone:
        push(None{});
        return true;
      case kNewTrue:
        push(true);
        return true;
      case kNewFalse:
        push(false);
        return true;
      case kBinInt:
        push(int64_t{static_cast<std::int32_t>(reader_.u32())});
        return true;
      case kBinInt1:
        push(int64_t{reader_.u8()});
        return true;
      case kBinInt2:
        push(int64_t{reader_.u16()});
        return true;
      case kLong1:
        push(read_long(reader_.u8()));
        return true;
      case kLong4:
        push(read_long(reader_.u32()));
        return true;
      case kBinFloat:
        push(read_float());
        return true;
      case kShortBinString:
      case kShortBinUnicode:
        push_text(reader_.u8());
        return true;
      case kBinString:
      case kBinUnicode:
        push_text(reader_.u32());
        return true;
      case kBinUnicode8:
        push_text(reader_.u64());
        return true;
      default:
        return false;
    }
  }

  bool run_container(std::uint8_t op) {
    switch (op) {
      case kEmptyTuple:
      case kEmptyList:
        push(Sequence{});
        return true;
      case kEmptyDict:
        push(Dict{});
        return true;
      case kTuple:
        push(Sequence{pop_to_mark()});
        return true;
      case kTuple1:
        push_tuple(1);
        return true;
      case kTuple2:
        push_tuple(2);
        return true;
      case kTuple3:
        push_tuple(3);
        return true;
      case kAppend:
        append({pop()});
        return true;
      case kAppends:
        append(pop_to_mark());
        return true;
      case kSetItem: {
        const Ref value = pop();
        const Ref key = pop();
        set_items({key, value});
        return true;
      }
      case kSetItems:
        set_items(pop_to_mark());
        return true;
      default:
        return false;
    }
  }

  void run_other(std::uint8_t op) {
    switch (op) {
      case kProto:
        check_protocol(reader_.u8());
        break;
      case kFrame:
        reader_.u64();
        break;
      case kMark:
        stack_.push_back(nullptr);
        break;
      case kPop:
        pop();
        break;
      case kPopMark:
        pop_to_mark();
        break;
      case kBinPut:
        memo_[reader_.u8()] = top();
        break;
      case kLongBinPut:
        memo_[reader_.u32()] = top();
        break;
      case kMemoize:
        memo_[memo_.size()] = top();
        break;
      case kBinGet:
        recall(reader_.u8());
        break;
      case kLongBinGet:
        recall(reader_.u32());
        break;
      case kGlobal: {
        const std::string module(reader_.line());
        push_global(module + "." + std::string(reader_.line()));
        break;
      }
      case kStackGlobal: {
        const std::string name = expect<std::string>(pop(), "a class name");
        push_global(expect<std::string>(pop(), "a module name") + "." + name);
        break;
      }
      case kBinPersId:
        push_storage(pop());
        break;
      case kReduce:
        reduce();
        break;
      case kBuild:
        build();
        break;
      default:
        throw weights_error("the pickle has the opcode 0x{:02x}, which no saved state dict needs",
                            op);
    }
  }

  static void check_protocol(int protocol) {
    if (protocol < 2 || protocol > 4) {
      throw weights_error("pickle protocol {}, expected 2 to 4", protocol);
    }
  }

  int64_t read_long(std::uint64_t bytes) {
    if (bytes > 8) throw weights_error("the pickle has an integer of {} bytes", bytes);
    std::uint64_t value = 0;
    for (std::uint64_t i = 0; i < bytes; ++i) value |= std::uint64_t{reader_.u8()} << (8 * i);
    const bool negative = bytes > 0 && (value >> (8 * bytes - 1)) != 0;
    if (negative && bytes < 8) value |= ~std::uint64_t{0} << (8 * bytes);
    return static_cast<int64_t>(value);
  }

  double read_float() {
    std::uint64_t bits = 0;
    for (int i = 0; i < 8; ++i) bits = bits << 8 | reader_.u8();
    return std::bit_cast<double>(bits);
  }

  void push_tuple(int count) {
    Sequence tuple;
    tuple.items.resize(count);
    for (int i = count; i-- > 0;) tuple.items[i] = pop();
    push(std::move(tuple));
  }

  void append(const std::vector<Ref>& values) {
    Sequence* list = std::get_if<Sequence>(&top()->data);
    if (list == nullptr) throw weights_error("damaged pickle: appends to {}", kind_of(*top()));
    list->items.insert(list->items.end(), values.begin(), values.end());
  }

  void set_items(const std::vector<Ref>& values) {
    Dict* dict = std::get_if<Dict>(&top()->data);
    if (dict == nullptr || values.size() % 2 != 0) {
      throw weights_error("damaged pickle: sets items of {}", kind_of(*top()));
    }
    for (std::size_t i = 0; i < values.size(); i += 2) {
      dict->items.emplace_back(values[i], values[i + 1]);
    }
  }

  void recall(std::uint64_t index) {
    const auto found = memo_.find(index);
    if (found == memo_.end()) throw weights_error("damaged pickle: memo {} is not set", index);
    stack_.push_back(found->second);
  }

  void push_global(const std::string& name) {
    const bool known = name == kOrderedDict || name == kRebuildTensor ||
                       name == kRebuildParameter || is_storage(name);
    if (!known) {
      throw weights_error("the pickle asks to run {}; only tensors and plain containers are read",
                          name)
          .with_hint("take the weights as safetensors, from a source that you trust");
    }
    push(Global{name});
  }

  /// A persistent id: ("storage", class, key, device, number of elements).
  void push_storage(Ref id) {
    const std::vector<Ref>& fields = expect<Sequence>(id, "a persistent id").items;
    if (fields.size() != 5 || expect<std::string>(fields[0], "a persistent id") != "storage") {
      throw weights_error("damaged pickle: a persistent id is no storage");
    }
    Storage storage;
    storage.dtype = storage_dtype(expect<Global>(fields[1], "a storage class").name);
    storage.key = expect<std::string>(fields[2], "a storage key");
    if (storage.key.size() > kMaxKeyBytes) throw weights_error("damaged pickle: a storage key");
    storage.numel = expect<int64_t>(fields[4], "a storage size");
    push(std::move(storage));
  }

  void reduce() {
    const std::vector<Ref>& args = expect<Sequence>(pop(), "an argument list").items;
    const std::string& callable = expect<Global>(pop(), "a callable").name;
    if (callable == kOrderedDict && args.empty()) {
      push(Dict{});
    } else if (callable == kRebuildTensor && args.size() >= 4) {
      push(Tensor{expect<Storage>(args[0], "a tensor's storage"),
                  expect<int64_t>(args[1], "a tensor's offset"),
                  integers(args[2], "a tensor's shape"), integers(args[3], "a tensor's stride")});
    } else if (callable == kRebuildParameter && !args.empty()) {
      push(Tensor(expect<Tensor>(args[0], "a parameter's data")));
    } else {
      throw weights_error("the pickle calls {} with {} arguments", callable, args.size());
    }
  }

  /// State of an OrderedDict is its `_metadata` attribute, which nothing here needs.
  void build() {
    pop();
    expect<Dict>(top(), "an object with state");
  }

  ByteReader reader_;
  std::unique_ptr<Document> document_ = std::make_unique<Document>();
  std::vector<Value*> stack_;
  std::unordered_map<std::uint64_t, Value*> memo_;
};

}  // namespace

const char* kind_of(const Value& value) {
  constexpr std::array<const char*, 10> kKinds = {
      "None",   "a bool",  "an integer", "a float", "a string", "a list or tuple",
      "a dict", "a class", "a storage",  "a tensor"};
  static_assert(kKinds.size() == std::variant_size_v<decltype(Value::data)>);
  return kKinds[value.data.index()];
}

std::unique_ptr<Document> parse(ByteSpan pickle) { return Machine(pickle).run(); }

}  // namespace multitalk::pickle
