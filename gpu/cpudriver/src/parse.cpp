// Parsing PTX text into a module. The grammar is that of the PTX ISA, chapters 4 and 5, as far as kernels
// without functions, local memory and module variables need it; everything else is refused.
#include <cctype>
#include <cstdlib>
#include <unordered_map>

#include "ptx.hpp"

namespace {

struct Token {
	enum Kind { word, number, mark, end } kind;
	std::string text;
	int line;
};

[[noreturn]] void wrong(int line, const std::string &message) { throw ParseError{line, message}; }

bool starts_name(char c) { return std::isalpha(u8(c)) || c == '_' || c == '$' || c == '%'; }
bool continues_name(char c) { return std::isalnum(u8(c)) || c == '_' || c == '$'; }

// Words keep their dots: add.rn.f64, .reg and %tid.x are one token each.
std::vector<Token> tokens_of(const char *p) {
	std::vector<Token> tokens;
	int line = 1, at = 1;
	for (const char *c = p; *c; c++) {
		if (u8(*c) >= 0x80)
			wrong(at, "Unexpected non-ASCII character encountered on line " + std::to_string(at));
		at += *c == '\n';
	}
	while (*p) {
		const char *from = p;
		if (*p == '\n') {
			line++, p++;
		} else if (std::isspace(u8(*p))) {
			p++;
		} else if (p[0] == '/' && p[1] == '/') {
			while (*p && *p != '\n') p++;
		} else if (p[0] == '/' && p[1] == '*') {
			int opened = line;
			for (p += 2; *p && !(p[0] == '*' && p[1] == '/'); p++) line += *p == '\n';
			if (!*p) wrong(opened, "a comment that does not end");
			p += 2;
		} else if (starts_name(*p) || (*p == '.' && starts_name(p[1]))) {
			p++;
			while (continues_name(*p) || (*p == '.' && continues_name(p[1])) || (p[0] == ':' && p[1] == ':'))
				p += *p == ':' ? 2 : 1;
			tokens.push_back({Token::word, std::string(from, p), line});
		} else if (std::isdigit(u8(*p))) {
			while (std::isalnum(u8(*p)) || (*p == '.' && std::isdigit(u8(p[1])))) p++;
			tokens.push_back({Token::number, std::string(from, p), line});
		} else if (std::strchr("{}()[]<>,;:@!|+-=", *p)) {
			tokens.push_back({Token::mark, std::string(1, *p++), line});
		} else {
			wrong(line, std::string("Unexpected character '") + *p + "'");
		}
	}
	tokens.push_back({Token::end, "", line});
	return tokens;
}

const std::unordered_map<std::string, Type> types = {
	{".pred", {'p', 32}}, {".b8", {'b', 8}},   {".u8", {'u', 8}},   {".s8", {'s', 8}},   {".b16", {'b', 16}},
	{".u16", {'u', 16}},  {".s16", {'s', 16}}, {".b32", {'b', 32}}, {".u32", {'u', 32}}, {".s32", {'s', 32}},
	{".f32", {'f', 32}},  {".b64", {'b', 64}}, {".u64", {'u', 64}}, {".s64", {'s', 64}}, {".f64", {'f', 64}},
};

const char *const specials[] = {
	"%tid.x",       "%tid.y",       "%tid.z",       "%ntid.x",      "%ntid.y",      "%ntid.z",
	"%ctaid.x",     "%ctaid.y",     "%ctaid.z",     "%nctaid.x",    "%nctaid.y",    "%nctaid.z",
	"%laneid",      "%warpid",      "%lanemask_eq", "%lanemask_le", "%lanemask_lt", "%lanemask_ge",
	"%lanemask_gt",
};

constexpr u64 most_shared = 1 << 20, most_registers = 1 << 14;

class Parser {
public:
	Parser(const char *text, int isa, int capability)
		: tokens(tokens_of(text)), isa(isa), capability(capability) {}

	std::unique_ptr<Module> module() {
		expect(".version");
		int line = peek().line;
		Token version = take(Token::number, "a version");
		if (sscanf_version(version.text) > isa)
			throw ParseError{line,
			                 "Unsupported .version " + version.text + "; the newest is '" +
			                     std::to_string(isa / 10) + "." + std::to_string(isa % 10) + "'",
			                 true};
		expect(".target");
		Token t = take(Token::word, "a target");
		if (t.text.compare(0, 3, "sm_") || t.text.size() > 6 || !(target = std::atoi(t.text.c_str() + 3)))
			wrong(t.line, "unsupported target '" + t.text + "'");
		if (target > capability)
			wrong(t.line, "SM version specified by .target is higher than the device's, sm_" +
			                  std::to_string(capability));
		expect(".address_size");
		if (integer() != 64) wrong(peek().line, "only .address_size 64 is supported");
		while (peek().kind != Token::end) {
			if (accept(".extern")) dynamic_shared();
			else if (peek().text == ".shared") shared_variable(scopes[0], module_shared);
			else entry();
		}
		return std::move(made);
	}

private:
	std::vector<Token> tokens;
	size_t at = 0;
	int isa, capability, target = 0;
	std::unique_ptr<Module> made = std::make_unique<Module>();

	struct Register {
		Type type;
		u32 place;
	};
	struct Scope {
		int parent;
		std::unordered_map<std::string, Register> registers;
		std::unordered_map<std::string, u64> variables; // in shared memory; dynamic is one of them
		std::unordered_map<std::string, u32> labels;
	};
	struct Jump {
		u32 instruction;
		int scope;
		std::string label;
		int line;
	};
	std::vector<Scope> scopes{{-1, {}, {}, {}}};
	std::string dynamic_name;
	u32 dynamic_align = 16, module_shared = 0;

	// State of the entry being read.
	Kernel *kernel = nullptr;
	std::unique_ptr<Assembly> to;
	std::vector<Jump> jumps;
	std::vector<Operand> dynamic_uses;
	std::unordered_map<std::string, std::pair<Type, u32>> parameters;
	int scope = 0;

	static int sscanf_version(const std::string &text) {
		size_t point = text.find('.');
		if (point == std::string::npos) return 1 << 20;
		return std::atoi(text.substr(0, point).c_str()) * 10 + std::atoi(text.c_str() + point + 1);
	}

	const Token &peek() const { return tokens[at]; }
	const Token &next() { return tokens[at].kind == Token::end ? tokens[at] : tokens[at++]; }
	bool accept(const char *text) {
		return peek().text == text && peek().kind != Token::end ? (at++, true) : false;
	}
	void expect(const char *text) {
		if (!accept(text))
			wrong(peek().line, std::string("'") + text + "' is expected, not '" + peek().text + "'");
	}
	Token take(Token::Kind kind, const char *what) {
		if (peek().kind != kind)
			wrong(peek().line, std::string(what) + " is expected, not '" + peek().text + "'");
		return next();
	}

	static u64 value_of(const Token &t) {
		std::string text = t.text;
		if (text.size() > 1 && (text.back() == 'U' || text.back() == 'u')) text.pop_back();
		int base = 10;
		size_t from = 0;
		if (text[0] == '0' && text.size() > 1) {
			bool letter = std::isalpha(u8(text[1]));
			base = !letter                            ? 8
			       : text[1] == 'x' || text[1] == 'X' ? 16
			       : text[1] == 'b' || text[1] == 'B' ? 2
			                                          : 0;
			from = letter ? 2 : 1;
		}
		u64 value = 0;
		bool good = base && from < text.size();
		for (size_t i = from; good && i < text.size(); i++) {
			int c = std::tolower(text[i]);
			int digit = std::isdigit(c) ? c - '0' : std::isalpha(c) ? c - 'a' + 10 : 99;
			good = digit < base && !__builtin_mul_overflow(value, u64(base), &value) &&
			       !__builtin_add_overflow(value, u64(digit), &value);
		}
		if (!good) wrong(t.line, "'" + t.text + "' is no integer that fits in 64 bits");
		return value;
	}
	u64 integer() { return value_of(take(Token::number, "an integer")); }
	u64 integer_up_to(u64 most) {
		int line = peek().line;
		u64 value = integer();
		if (value > most) wrong(line, std::to_string(value) + " is more than " + std::to_string(most));
		return value;
	}
	// offset reads a possibly empty sum of signed integers, for example +8+-4.
	i64 offset() {
		u64 sum = 0;
		while (peek().text == "+" || peek().text == "-") {
			bool minus = false;
			while (peek().text == "+" || peek().text == "-") minus ^= next().text == "-";
			u64 term = integer();
			sum += minus ? -term : term;
		}
		return i64(sum);
	}
	Type type() {
		Token t = take(Token::word, "a type");
		auto found = types.find(t.text);
		if (found == types.end()) wrong(t.line, "unsupported type '" + t.text + "'");
		return found->second;
	}

	u32 alignment(u32 otherwise) {
		if (!accept(".align")) return otherwise;
		int line = peek().line;
		u64 a = integer_up_to(128);
		if (!a || a & (a - 1)) wrong(line, "an alignment must be a power of two");
		return u32(a);
	}

	void dynamic_shared() { // after .extern
		expect(".shared");
		dynamic_align = alignment(16);
		type();
		dynamic_name = take(Token::word, "a name").text;
		expect("["), expect("]"), expect(";");
	}
	void shared_variable(Scope &in, u32 &size) {
		expect(".shared");
		u32 align = alignment(0);
		Type of = type();
		Token name = take(Token::word, "a name");
		u64 count = 1;
		while (accept("[")) {
			count *= integer_up_to(most_shared);
			if (count > most_shared) wrong(name.line, "too much shared data");
			expect("]");
		}
		expect(";");
		if (!align) align = of.bytes();
		u64 from = (size + align - 1) / align * align, past = from + count * of.bytes();
		if (past > most_shared) wrong(name.line, "too much shared data");
		if (!in.variables.emplace(name.text, shared_base + from).second) again(name);
		size = u32(past);
	}
	[[noreturn]] void again(const Token &name) {
		wrong(name.line, "Duplicate definition of '" + name.text + "'");
	}

	void entry() {
		while (accept(".visible") || accept(".weak")) {}
		if (peek().text != ".entry")
			wrong(peek().line, "unsupported: '" + peek().text + "' outside an entry");
		next();
		Token name = take(Token::word, "a name");
		auto &slot = made->kernels[name.text];
		if (slot) again(name);
		slot = std::make_unique<Kernel>();
		kernel = slot.get();
		kernel->name = name.text;
		kernel->static_shared = module_shared;
		to = std::make_unique<Assembly>(Assembly{*kernel, target, {}});
		jumps.clear(), dynamic_uses.clear(), parameters.clear();
		scopes.resize(1);
		scope = 0;
		if (accept("(") && !accept(")")) {
			do parameter();
			while (accept(","));
			expect(")");
		}
		directives();
		body();
		finish();
	}
	void parameter() {
		expect(".param");
		Type of = type();
		Token name = take(Token::word, "a name");
		if (of.kind == 'p') wrong(name.line, "a parameter cannot be a predicate");
		if (!parameters.emplace(name.text, std::make_pair(of, to->cell(0))).second) again(name);
		kernel->parameter_bytes.push_back(of.bytes());
		kernel->parameter_cells.push_back(u32(kernel->cells.size() - 1));
	}
	void directives() {
		for (;;) {
			int line = peek().line;
			if (accept(".maxntid") || accept(".reqntid")) {
				u64 n = integer_up_to(1024);
				while (accept(",")) n *= integer_up_to(1024);
				if (!n || n > 1024) wrong(line, "a block has 1 to 1024 threads");
				kernel->most_threads = u32(n);
			} else if (accept(".minnctapersm") || accept(".maxnreg")) {
				integer();
			} else {
				return;
			}
		}
	}

	void body() {
		expect("{");
		scopes.push_back({0, {}, {}, {}});
		scope = 1;
		while (scope > 0) {
			if (peek().kind == Token::end) wrong(peek().line, "the entry does not end");
			if (accept("{")) {
				scopes.push_back({scope, {}, {}, {}});
				scope = int(scopes.size()) - 1;
			} else if (accept("}")) {
				scope = scopes[scope].parent;
			} else if (accept(".reg")) {
				registers();
			} else if (peek().text == ".shared") {
				shared_variable(scopes[scope], kernel->static_shared);
			} else if (peek().kind == Token::word && tokens[at + 1].text == ":") {
				Token name = next();
				next();
				if (!scopes[scope].labels.emplace(name.text, kernel->code.size()).second) again(name);
			} else {
				statement();
			}
		}
		stop(*to, peek().line);
	}
	void registers() {
		Type of = type();
		if (of.bits == 8) wrong(peek().line, "a register has 16 bits or more");
		do {
			Token name = take(Token::word, "a name");
			if (accept("<")) {
				u64 count = integer_up_to(most_registers);
				expect(">");
				for (u64 i = 0; i < count; i++)
					declare({name.kind, name.text + std::to_string(i), name.line}, of);
			} else {
				declare(name, of);
			}
		} while (accept(","));
		expect(";");
	}
	void declare(const Token &name, Type of) {
		if (!scopes[scope].registers.emplace(name.text, Register{of, to->cell(poison64)}).second) again(name);
		if (kernel->cells.size() > most_registers) wrong(name.line, "too many registers");
		kernel->register_words += of.kind == 'p' ? 0 : of.bits == 64 ? 2 : 1;
	}

	// find looks a name up from the innermost scope outwards.
	template <class T>
	const T *find(std::unordered_map<std::string, T> Scope::*in, const std::string &name, int from) const {
		for (int s = from; s >= 0; s = scopes[s].parent) {
			auto found = (scopes[s].*in).find(name);
			if (found != (scopes[s].*in).end()) return &found->second;
		}
		return nullptr;
	}
	static Operand of_kind(Operand::Kind kind, Type type = {}) {
		Operand o{};
		o.kind = kind, o.type = type;
		return o;
	}
	Operand special(const Token &name) {
		for (const char *s : specials)
			if (name.text == s) {
				Operand o = of_kind(Operand::cell, {'u', 32});
				for (const Special &known : kernel->specials)
					if (known.name == s) o.place = u32(sizeof(Thread) + 8 * known.cell);
				if (!o.place) {
					o.place = to->cell(0);
					kernel->specials.push_back({s, u32(kernel->cells.size() - 1)});
				}
				return o;
			}
		wrong(name.line, "Unknown symbol '" + name.text + "'");
	}
	// named reads a register, a special register, a variable in shared memory or a label.
	Operand named(const Token &name) {
		if (const Register *r = find(&Scope::registers, name.text, scope)) {
			Operand o = of_kind(Operand::cell, r->type);
			o.place = r->place, o.writable = true;
			return o;
		}
		if (const u64 *v = find(&Scope::variables, name.text, scope)) {
			Operand o = of_kind(Operand::shared);
			o.value = *v;
			return o;
		}
		// Dynamic memory follows static memory, whose size is known only at the end. The larger alignment
		// serves both.
		if (!dynamic_name.empty() && name.text == dynamic_name) {
			Operand o = of_kind(Operand::cell, {'b', 64});
			o.place = special_dynamic();
			o.text = name.text;
			return o;
		}
		if (name.text[0] == '%') return special(name);
		Operand o = of_kind(Operand::label);
		o.text = name.text;
		return o;
	}
	u32 special_dynamic() {
		for (const Special &known : kernel->specials)
			if (known.name == "dynamic") return u32(sizeof(Thread) + 8 * known.cell);
		u32 place = to->cell(0);
		kernel->specials.push_back({"dynamic", u32(kernel->cells.size() - 1)});
		return place;
	}

	Operand operand(int depth = 0) {
		int line = peek().line;
		if (depth > 2) wrong(line, "an operand in an operand in an operand");
		Operand o{};
		if (accept("[")) {
			o.kind = Operand::address;
			if (peek().kind == Token::word) {
				Token name = next();
				auto parameter = parameters.find(name.text);
				Operand base = parameter == parameters.end() || find(&Scope::registers, name.text, scope)
				                   ? named(name)
				                   : Operand{};
				if (base.kind == Operand::shared) {
					o.offset = i64(base.value);
				} else if (base.kind == Operand::label || base.place == 0) {
					if (parameter == parameters.end()) wrong(name.line, "Unknown symbol '" + name.text + "'");
					o.text = name.text, o.type = parameter->second.first, o.place = parameter->second.second;
				} else {
					if (base.type.floating() || base.type.kind == 'p' || base.type.bits < 32)
						wrong(line, "an address in '" + name.text + "'");
					o.based = true, o.place = base.place, o.type = base.type;
				}
			} else {
				o.offset = i64(integer());
			}
			o.offset += offset();
			expect("]");
		} else if (accept("{")) {
			o.kind = Operand::vector;
			do o.parts.push_back(operand(depth + 1));
			while (accept(",") && o.parts.size() < 8);
			expect("}");
		} else if (accept("!")) {
			o = operand(depth + 1);
			o.negated = !o.negated;
		} else if (peek().text == "-" || peek().kind == Token::number) {
			bool minus = accept("-");
			Token t = take(Token::number, "a number");
			char kind = t.text.size() > 1 ? char(std::tolower(t.text[1])) : 0;
			if (t.text[0] == '0' && (kind == 'f' || kind == 'd') &&
			    t.text.size() == (kind == 'f' ? 10u : 18u)) {
				if (minus) wrong(line, "a sign before bits");
				o.kind = Operand::real, o.type = {'f', u8(kind == 'f' ? 32 : 64)};
				o.value = value_of({Token::number, "0x" + t.text.substr(2), line});
			} else {
				o.kind = Operand::integer;
				o.value = value_of(t);
				o.negated = minus;
				if (minus) o.value = -o.value;
			}
		} else {
			Token t = take(Token::word, "an operand");
			if (t.text == "_") {
				o.kind = Operand::sink;
			} else {
				o = named(t);
				if (o.kind == Operand::shared) o.value += u64(offset());
			}
			if (accept("|")) {
				Operand second = operand(depth + 1);
				Operand both = of_kind(Operand::pair);
				both.parts = {o, second};
				return both;
			}
		}
		return o;
	}

	void statement() {
		Statement s;
		s.line = peek().line;
		u32 guard = 0;
		bool unless = false;
		if (accept("@")) {
			unless = accept("!");
			Operand p = named(take(Token::word, "a predicate"));
			if (p.kind != Operand::cell || p.type.kind != 'p') wrong(s.line, "a guard must be a predicate");
			guard = p.place;
		}
		Token name = take(Token::word, "an instruction");
		for (size_t from = 0; from <= name.text.size();) {
			size_t point = std::min(name.text.find('.', from), name.text.size());
			s.words.push_back(name.text.substr(from, point - from));
			from = point + 1;
		}
		if (name.text[0] == '.') wrong(s.line, "unsupported directive '" + name.text + "'");
		if (!accept(";")) {
			do s.operands.push_back(statement_operand(s));
			while (accept(","));
			expect(";");
		}
		if (s.words[0] == "bra") {
			if (s.operands.size() != 1 || s.operands[0].kind != Operand::label || s.words.size() > 2 ||
			    (s.words.size() == 2 && s.words[1] != "uni"))
				wrong(s.line, "unsupported form of '" + s.whole() + "'");
			jumps.push_back({u32(kernel->code.size()), scope, s.operands[0].text, s.line});
			branch(*to, guard ? &guard : nullptr, unless, s.line);
			return;
		}
		if (guard) skip_unless(*to, guard, unless, s.line);
		size_t before = kernel->code.size();
		encode(*to, s);
		if (kernel->code.size() != before + 1) std::abort(); // skip_unless skips exactly one
	}
	// An unknown instruction is reported before its operands are looked up.
	Operand statement_operand(const Statement &s);

	void finish() {
		for (const Jump &j : jumps) {
			const u32 *target = find(&Scope::labels, j.label, j.scope);
			if (!target) wrong(j.line, "Label '" + j.label + "' is not defined");
			kernel->code[j.instruction].offset = i64(*target) - i64(j.instruction);
		}
		for (const Special &s : kernel->specials)
			if (s.name == "dynamic") {
				kernel->static_shared =
					(kernel->static_shared + dynamic_align - 1) / dynamic_align * dynamic_align;
				kernel->cells[s.cell] = shared_base + kernel->static_shared;
			}
	}
};

} // namespace

bool known_instruction(const std::string &name);

namespace {
Operand Parser::statement_operand(const Statement &s) {
	if (!known_instruction(s.words[0]))
		wrong(s.line, "Not a name of any known instruction: '" + s.words[0] + "'");
	return operand();
}
} // namespace

std::string Statement::whole() const {
	std::string name = words[0];
	for (size_t i = 1; i < words.size(); i++) name += "." + words[i];
	return name;
}

u32 Assembly::cell(u64 start) {
	kernel.cells.push_back(start);
	return u32(sizeof(Thread) + 8 * (kernel.cells.size() - 1));
}

u32 Assembly::constant(u64 value) {
	auto found = constants.find(value);
	return found != constants.end() ? found->second : constants[value] = cell(value);
}

std::unique_ptr<Module> parse(const char *text, int isa, int capability) {
	return Parser(text, isa, capability).module();
}
