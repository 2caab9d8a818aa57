// What each instruction does, from the PTX ISA, chapter 9. Forms that are missing here are refused.
#include <cmath>
#include <limits>
#include <type_traits>
#include <unordered_map>

#include "machine.hpp"

namespace {

template <class T>
T get(const Thread &t, u32 place) {
	T v;
	std::memcpy(&v, reinterpret_cast<const char *>(&t) + place, sizeof v);
	return v;
}
template <class T>
void put(Thread &t, u32 place, T v) {
	std::memcpy(reinterpret_cast<char *>(&t) + place, &v, sizeof v);
}

template <class T> constexpr bool floating = std::is_floating_point_v<T>;
template <class T> using Unsigned = std::make_unsigned_t<T>;
template <class T> constexpr u32 width = 8 * sizeof(T);

// A NaN result in single precision always has these bits; in double precision the bits of the operands
// survive.
float canonical(float v) {
	u32 nan = 0x7fffffff;
	if (v != v) std::memcpy(&v, &nan, 4);
	return v;
}
double canonical(double v) { return v; }

// put_wide writes an integer to a register that may be wider, extended by zeros or, for a signed type, by the
// sign.
template <class T>
void put_wide(Thread &t, u32 place, T v) {
	if constexpr (floating<T>) put(t, place, v);
	else put(t, place, u64(std::conditional_t<std::is_signed_v<T>, i64, u64>(v)));
}

// ---- arithmetic: operations on values

struct Add {
	template <class T> static T of(T a, T b) {
		if constexpr (floating<T>) return canonical(a + b);
		else return T(u64(a) + u64(b));
	}
};
struct Sub {
	template <class T> static T of(T a, T b) {
		if constexpr (floating<T>) return canonical(a - b);
		else return T(u64(a) - u64(b));
	}
};
struct Mul { // .lo
	template <class T> static T of(T a, T b) {
		if constexpr (floating<T>) return canonical(a * b);
		else return T(u64(a) * u64(b));
	}
};
template <class T> using Wide = std::conditional_t<std::is_signed_v<T>, __int128, unsigned __int128>;
struct MulHi {
	template <class T> static T of(T a, T b) { return T(Wide<T>(a) * Wide<T>(b) >> width<T>); }
};
struct MadLo {
	template <class T> static T of(T a, T b, T c) { return T(u64(a) * u64(b) + u64(c)); }
};
struct MadHi {
	template <class T> static T of(T a, T b, T c) { return T(u64(MulHi::of(a, b)) + u64(c)); }
};
template <class T> struct Twice;
template <> struct Twice<u16> { using type = u32; };
template <> struct Twice<i16> { using type = i32; };
template <> struct Twice<u32> { using type = u64; };
template <> struct Twice<i32> { using type = i64; };
struct MulWide {
	template <class T> static auto of(T a, T b) {
		using W = typename Twice<T>::type;
		return W(W(a) * W(b));
	}
};
struct Fma {
	template <class T> static T of(T a, T b, T c) { return canonical(std::fma(a, b, c)); }
};
// The result of a division by zero is machine-specific: here all ones, and the dividend as the remainder.
struct Div {
	template <class T> static T of(T a, T b) {
		if constexpr (floating<T>) return canonical(a / b);
		else if (b == 0) return T(-1);
		else if (std::is_signed_v<T> && b == T(-1)) return T(-u64(a));
		else return T(a / b);
	}
};
struct Rem {
	template <class T> static T of(T a, T b) {
		if (b == 0) return a;
		if (std::is_signed_v<T> && b == T(-1)) return 0;
		return T(a % b);
	}
};
struct Min {
	template <class T> static T of(T a, T b) {
		if constexpr (!floating<T>) return a < b ? a : b;
		else if (a != a) return canonical(b);
		else if (b != b) return a;
		else if (a == b) return std::signbit(a) ? a : b; // −0 is less than +0
		else return a < b ? a : b;
	}
};
struct Max {
	template <class T> static T of(T a, T b) {
		if constexpr (!floating<T>) return a > b ? a : b;
		else if (a != a) return canonical(b);
		else if (b != b) return a;
		else if (a == b) return std::signbit(a) ? b : a;
		else return a > b ? a : b;
	}
};
struct Neg {
	template <class T> static T of(T a) {
		if constexpr (floating<T>) return canonical(-a);
		else return T(-u64(a));
	}
};
struct Abs {
	template <class T> static T of(T a) {
		if constexpr (floating<T>) return canonical(std::fabs(a));
		else return a < 0 ? T(-u64(a)) : a;
	}
};
struct Copysign {
	template <class T> static T of(T a, T b) { return std::copysign(b, a); }
};
struct Sqrt {
	template <class T> static T of(T a) { return canonical(std::sqrt(a)); }
};
struct Rcp {
	template <class T> static T of(T a) { return canonical(T(1) / a); }
};

// ---- bits

struct And {
	template <class T> static T of(T a, T b) { return T(a & b); }
};
struct Or {
	template <class T> static T of(T a, T b) { return T(a | b); }
};
struct Xor {
	template <class T> static T of(T a, T b) { return T(a ^ b); }
};
struct Not {
	template <class T> static T of(T a) { return T(~a); }
};
struct NotPredicate {
	template <class T> static T of(T a) { return T(!a); }
};
// A shift by the type's width or more shifts all bits out.
struct Shl {
	template <class T> static T of(T a, u32 by) { return by >= width<T> ? T(0) : T(Unsigned<T>(a) << by); }
};
struct Shr {
	template <class T> static T of(T a, u32 by) {
		if (by >= width<T>) return std::is_signed_v<T> && a < 0 ? T(-1) : T(0);
		return T(a >> by);
	}
};
struct Popc {
	template <class T> static u32 of(T a) { return u32(__builtin_popcountll(a)); }
};
struct Clz {
	template <class T> static u32 of(T a) { return a ? u32(__builtin_clzll(a)) - (64 - width<T>) : width<T>; }
};
struct Brev {
	template <class T> static T of(T a) {
		T r = 0;
		for (u32 i = 0; i < width<T>; i++) r = T(r << 1 | (a >> i & 1));
		return r;
	}
};
struct Bfe {
	template <class T> static T of(T a, u32 from, u32 length) {
		from &= 255, length &= 255;
		constexpr u32 top = width<T> - 1;
		bool sign = std::is_signed_v<T> && length && (Unsigned<T>(a) >> std::min(from + length - 1, top) & 1);
		Unsigned<T> r = from > top ? 0 : Unsigned<T>(a) >> from, ones = ~Unsigned<T>(0);
		u32 have = from > top ? 0 : std::min(length, width<T> - from);
		if (have < width<T>) {
			r &= ~(ones << have);
			if (sign) r |= ones << have;
		}
		return T(r);
	}
};
struct Prmt { // the default mode: a selector's fourth bit replicates the sign of its byte
	static u32 of(u32 a, u32 b, u32 c) {
		u64 bytes = u64(b) << 32 | a;
		u32 r = 0;
		for (u32 i = 0; i < 4; i++) {
			u32 selector = c >> 4 * i & 15, byte = u32(bytes >> 8 * (selector & 7)) & 255;
			if (selector & 8) byte = byte & 128 ? 255 : 0;
			r |= byte << 8 * i;
		}
		return r;
	}
};

// ---- steps that apply an operation to registers

template <class Op, class T> const Instruction *one(const Instruction *i, Thread &t) {
	put(t, i->operand[0], Op::of(get<T>(t, i->operand[1])));
	return i + 1;
}
template <class Op, class T> const Instruction *two(const Instruction *i, Thread &t) {
	put(t, i->operand[0], Op::of(get<T>(t, i->operand[1]), get<T>(t, i->operand[2])));
	return i + 1;
}
template <class Op, class T> const Instruction *three(const Instruction *i, Thread &t) {
	put(t, i->operand[0],
	    Op::of(get<T>(t, i->operand[1]), get<T>(t, i->operand[2]), get<T>(t, i->operand[3])));
	return i + 1;
}
template <class Op, class T> const Instruction *shift(const Instruction *i, Thread &t) {
	put(t, i->operand[0], Op::of(get<T>(t, i->operand[1]), get<u32>(t, i->operand[2])));
	return i + 1;
}
template <class Op, class T> const Instruction *field(const Instruction *i, Thread &t) {
	put(t, i->operand[0],
	    Op::of(get<T>(t, i->operand[1]), get<u32>(t, i->operand[2]), get<u32>(t, i->operand[3])));
	return i + 1;
}
template <class T> const Instruction *mad_wide(const Instruction *i, Thread &t) {
	using W = typename Twice<T>::type;
	W product = MulWide::of(get<T>(t, i->operand[1]), get<T>(t, i->operand[2]));
	put(t, i->operand[0], Add::of(product, get<W>(t, i->operand[3])));
	return i + 1;
}
template <class T> const Instruction *move(const Instruction *i, Thread &t) {
	put(t, i->operand[0], get<T>(t, i->operand[1]));
	return i + 1;
}
template <class T> const Instruction *select(const Instruction *i, Thread &t) { // selp
	put(t, i->operand[0], get<T>(t, i->operand[get<u32>(t, i->operand[3]) ? 1 : 2]));
	return i + 1;
}
const Instruction *pack(const Instruction *i, Thread &t) {
	put(t, i->operand[0], u64(get<u32>(t, i->operand[1])) | u64(get<u32>(t, i->operand[2])) << 32);
	return i + 1;
}
const Instruction *unpack(const Instruction *i, Thread &t) {
	u64 v = get<u64>(t, i->operand[2]);
	put(t, i->operand[0], u32(v));
	put(t, i->operand[1], u32(v >> 32));
	return i + 1;
}

// ---- comparisons

enum Comparison : u8 { eq, ne, lt, le, gt, ge, equ, neu, ltu, leu, gtu, geu, num, nan };
enum Boolean : u8 { alone, with_and, with_or, with_xor };

template <Comparison C, class T> bool compare(T a, T b) {
	constexpr Comparison ordered = C >= num ? eq : Comparison(C % 6);
	bool both = a == a && b == b;
	if (C == num || C == nan) return both == (C == num);
	if (floating<T> && !both) return C >= equ;
	return ordered == eq ? a == b : ordered == ne ? a != b : ordered == lt ? a < b : ordered == le ? a <= b
	     : ordered == gt ? a > b : a >= b;
}
template <Comparison C, class T> const Instruction *setp(const Instruction *i, Thread &t) {
	put(t, i->operand[0], u32(compare<C>(get<T>(t, i->operand[1]), get<T>(t, i->operand[2]))));
	return i + 1;
}
template <Comparison C, class T> const Instruction *setp_boolean(const Instruction *i, Thread &t) {
	bool p = compare<C>(get<T>(t, i->operand[1]), get<T>(t, i->operand[2]));
	bool q = (get<u32>(t, i->operand[3]) != 0) != i->negated;
	put(t, i->operand[0], u32(i->detail == with_and ? p && q : i->detail == with_or ? p || q : p != q));
	return i + 1;
}

// ---- conversions

enum Rounding : u8 { none, rn, rz, rni, rzi, rmi, rpi };

template <class F> F to_integer(F v, u8 rounding) {
	return rounding == rni   ? std::nearbyint(v)
	       : rounding == rzi ? std::trunc(v)
	       : rounding == rmi ? std::floor(v)
	                         : std::ceil(v);
}
template <class S, class D> const Instruction *convert(const Instruction *i, Thread &t) {
	S s = get<S>(t, i->operand[1]);
	D d;
	if constexpr (!floating<D> && !floating<S>) {
		d = D(s);
	} else if constexpr (!floating<D>) {
		S v = to_integer(s, i->detail);
		// 2 to the digits is the first number that is too large.
		constexpr S past = S(2) * S(u64(1) << (std::numeric_limits<D>::digits - 1));
		if (s != s) d = sizeof(S) == 8 || sizeof(D) == 8 ? D(u64(1) << (width<D> - 1)) : D(0);
		else if (v >= past) d = std::numeric_limits<D>::max();
		else if (v <= (std::is_signed_v<D> ? -past : S(0))) d = std::numeric_limits<D>::min();
		else d = D(v);
	} else {
		if constexpr (floating<S> && sizeof(S) == sizeof(D)) {
			d = i->detail == none ? s : to_integer(s, i->detail);
		} else {
			d = D(s);
			if constexpr (floating<S> && sizeof(D) < sizeof(S))
				if (i->detail == rz && std::fabs(S(d)) > std::fabs(s)) d = std::nextafter(d, D(0));
		}
		d = canonical(d);
	}
	put_wide(t, i->operand[0], d);
	return i + 1;
}

// ---- memory

enum class Space { global, shared };

template <Space space, class T, int n>
u8 *at(const Instruction *i, Thread &t, u32 base, const char *doing) {
	if constexpr (space == Space::global)
		return global<T, n>(i, t, get<u64>(t, base) + u64(i->offset), doing);
	else return shared<T, n>(i, t, get<u32>(t, base) + u32(i->offset), doing);
}
template <Space space, class T, int n> void load_values(const Instruction *i, Thread &t) {
	T v[n];
	std::memcpy(v, at<space, T, n>(i, t, i->operand[4], "read"), sizeof v);
	for (int k = 0; k < n; k++) put_wide(t, i->operand[k], v[k]);
}
template <Space space, class T, int n> const Instruction *load(const Instruction *i, Thread &t) {
	load_values<space, T, n>(i, t);
	return i + 1;
}
// A load that may see a concurrent write of another thread. A thread that polls with it ends its slice.
template <Space space, class T, int n> const Instruction *poll(const Instruction *i, Thread &t) {
	load_values<space, T, n>(i, t);
	t.at = i + 1, t.polled = true;
	return nullptr;
}
template <Space space, class T, int n> const Instruction *store(const Instruction *i, Thread &t) {
	T v[n];
	for (int k = 0; k < n; k++) v[k] = get<T>(t, i->operand[k]);
	std::memcpy(at<space, T, n>(i, t, i->operand[4], "write"), v, sizeof v);
	writes++;
	return i + 1;
}
// A store for which other threads may wait: they run next.
template <Space space, class T, int n> const Instruction *publish(const Instruction *i, Thread &t) {
	t.at = store<space, T, n>(i, t), t.polled = true;
	return nullptr;
}

struct Exchange {
	template <class T> static T of(T, T b) { return b; }
};
struct Increment {
	template <class T> static T of(T a, T b) { return a >= b ? T(0) : T(a + 1); }
};
struct Decrement {
	template <class T> static T of(T a, T b) { return a == 0 || a > b ? b : T(a - 1); }
};
template <Space space, class Op, class T> const Instruction *atomic(const Instruction *i, Thread &t) {
	u8 *p = at<space, T, 1>(i, t, i->operand[4], "atomic");
	T before, after;
	std::memcpy(&before, p, sizeof before);
	after = Op::of(before, get<T>(t, i->operand[1]));
	std::memcpy(p, &after, sizeof after);
	put(t, i->operand[0], before);
	writes++;
	return i + 1;
}
template <Space space, class T> const Instruction *compare_and_swap(const Instruction *i, Thread &t) {
	u8 *p = at<space, T, 1>(i, t, i->operand[4], "atomic");
	T before;
	std::memcpy(&before, p, sizeof before);
	if (before == get<T>(t, i->operand[1])) {
		T after = get<T>(t, i->operand[2]);
		std::memcpy(p, &after, sizeof after);
		writes++;
		put(t, i->operand[0], before);
		return i + 1;
	}
	put(t, i->operand[0], before);
	t.at = i + 1, t.polled = true;
	return nullptr;
}

const Instruction *copy(const Instruction *i, Thread &t) { // cp.async
	u32 to = get<u32>(t, i->operand[0]) + u32(i->offset);
	u64 from = get<u64>(t, i->operand[1]) + i->operand[3];
	copy_async(i, t, to, from, i->detail, get<u32>(t, i->operand[2]));
	return i + 1;
}
const Instruction *commit(const Instruction *i, Thread &t) {
	t.groups++;
	return i + 1;
}
const Instruction *wait_group(const Instruction *i, Thread &t) {
	wait_copies(i, t, i->offset);
	return i + 1;
}

// ---- control

const Instruction *nothing(const Instruction *i, Thread &) { return i + 1; }
const Instruction *jump(const Instruction *i, Thread &) { return i + i->offset; }
const Instruction *jump_if(const Instruction *i, Thread &t) {
	return get<u32>(t, i->operand[0]) ? i + i->offset : i + 1;
}
const Instruction *jump_unless(const Instruction *i, Thread &t) {
	return get<u32>(t, i->operand[0]) ? i + 1 : i + i->offset;
}
const Instruction *skip_if(const Instruction *i, Thread &t) {
	return get<u32>(t, i->operand[0]) ? i + 2 : i + 1;
}
const Instruction *skip_if_not(const Instruction *i, Thread &t) {
	return get<u32>(t, i->operand[0]) ? i + 1 : i + 2;
}
const Instruction *leave(const Instruction *i, Thread &t) {
	t.at = i, t.state = Thread::exited;
	return nullptr;
}
const Instruction *trap(const Instruction *i, Thread &t) { fault(i, t, 719, "trap"); }

// ---- where threads meet: they stop at the instruction until machine.cpp lets them go on

const Instruction *barrier(const Instruction *i, Thread &t) {
	t.value = get<u32>(t, i->operand[0]);
	if (t.value > 15) fault(i, t, 719, "there is no barrier %u", t.value);
	t.at = i, t.state = Thread::at_barrier;
	return nullptr;
}
const Instruction *meet(const Instruction *i, Thread &t) {
	t.mask = get<u32>(t, i->operand[5]);
	if (!(t.mask >> (t.index & 31) & 1))
		fault(i, t, 719, "the mask 0x%x lacks the lane that runs the instruction", t.mask);
	t.at = i, t.state = Thread::at_warp;
	return nullptr;
}

} // namespace

// The action of a warp instruction once all lanes of its mask have arrived; machine.cpp selects it by detail.
enum Meeting : u8 {
	only_meet, shuffle_up, shuffle_down, shuffle_bfly, shuffle_idx, vote_all, vote_any, vote_uni, vote_ballot,
	matrix_product
};

namespace {

const Instruction *offer_shuffle(const Instruction *i, Thread &t) {
	u32 lane = t.index & 31, b = get<u32>(t, i->operand[2]) & 31, c = get<u32>(t, i->operand[3]);
	u32 clamp = c & 31, segment = c >> 8 & 31;
	u32 most = (lane & segment) | (clamp & ~segment), least = lane & segment, j = 0;
	switch (i->detail) {
	case shuffle_up: j = lane - b, t.in_range = i32(j) >= i32(most); break;
	case shuffle_down: j = lane + b, t.in_range = j <= most; break;
	case shuffle_bfly: j = lane ^ b, t.in_range = j <= most; break;
	default: j = least | (b & ~segment), t.in_range = j <= most;
	}
	t.source = u8(t.in_range ? j : lane);
	t.value = get<u32>(t, i->operand[1]);
	return meet(i, t);
}
const Instruction *offer_vote(const Instruction *i, Thread &t) {
	t.value = (get<u32>(t, i->operand[1]) != 0) != i->negated;
	return meet(i, t);
}

} // namespace

// multiply is mma.m8n8k4 of f64: D = A·B + C. The lanes in groups of four have a row of A, a column of B,
// and pairs of a row of C and D (chapter 9.7.14.5.2). The manual leaves open in which order products are added:
// here, one fused multiply-add after the other, by the column of A.
static void multiply(Thread *const lanes[32]) {
	double a[8][4], b[4][8], c[8][8];
	for (u32 k = 0; k < 32; k++) {
		if (!lanes[k]) {
			for (u32 l = 0; l < 32; l++)
				if (lanes[l]) fault(lanes[l]->at, *lanes[l], 719, "mma in a warp without lane %u", k);
		}
		const Thread &t = *lanes[k];
		const Instruction &i = *t.at;
		u32 group = k >> 2, within = k & 3;
		a[group][within] = get<double>(t, i.operand[2]);
		b[within][group] = get<double>(t, i.operand[3]);
		c[group][2 * within] = get<double>(t, i.operand[4]);
		c[group][2 * within + 1] = get<double>(t, u32(i.offset));
	}
	for (u32 row = 0; row < 8; row++)
		for (u32 column = 0; column < 8; column++) {
			double sum = c[row][column];
			for (u32 k = 0; k < 4; k++) sum = Fma::of(a[row][k], b[k][column], sum);
			Thread &to = *lanes[4 * row + column / 2];
			put(to, to.at->operand[column & 1], sum);
		}
}

// meeting does the action for the lanes of a warp; lanes[k] is null if the mask has no lane k.
void meeting(Thread *const lanes[32]) {
	for (u32 k = 0; k < 32; k++)
		if (lanes[k]) {
			if (lanes[k]->at->detail != matrix_product) break;
			return multiply(lanes);
		}
	u32 all = 1, any = 0, ballot = 0, count = 0, yes = 0;
	for (u32 k = 0; k < 32; k++)
		if (const Thread *l = lanes[k]) {
			bool v = l->value != 0;
			all &= v, any |= v, ballot |= u32(v) << k, count++, yes += v;
		}
	for (u32 k = 0; k < 32; k++) {
		Thread *t = lanes[k];
		if (!t) continue;
		const Instruction *i = t->at;
		switch (i->detail) {
		case only_meet: break;
		case vote_all: put(*t, i->operand[0], all); break;
		case vote_any: put(*t, i->operand[0], any); break;
		case vote_uni: put(*t, i->operand[0], u32(yes == 0 || yes == count)); break;
		case vote_ballot: put(*t, i->operand[0], ballot); break;
		default:
			if (!lanes[t->source])
				fault(i, *t, 719, "shfl reads lane %u, which the mask 0x%x lacks", t->source, t->mask);
			put(*t, i->operand[0], lanes[t->source]->value);
			if (i->operand[4]) put(*t, i->operand[4], u32(t->in_range));
		}
	}
}

bool aligned_barrier(const Instruction *i) { return i->detail == 0; }

namespace {

// ---- the assembly of one statement

// matches says whether a C++ type stands for a PTX type; .b32 counts as .u32.
template <class T> bool matches(Type type) {
	char kind = floating<T> ? 'f' : std::is_signed_v<T> ? 's' : 'u';
	return type.bits == width<T> &&
	       (type.kind == kind || (kind == 'u' && (type.kind == 'b' || type.kind == 'p')));
}
// Each of these returns the step for a type, or null.
#define BY_TYPE(name, step)                                                                                  \
	template <class Op, class... Ts> Step name(Type type) {                                                  \
		Step found = nullptr;                                                                                \
		((matches<Ts>(type) ? void(found = step<Op, Ts>) : void()), ...);                                    \
		return found;                                                                                        \
	}
BY_TYPE(one_of, one)
BY_TYPE(two_of, two)
BY_TYPE(three_of, three)
BY_TYPE(shift_of, shift)
BY_TYPE(field_of, field)

struct Encoder {
	Assembly &to;
	const Statement &s;
	size_t word = 1;
	Instruction out{};

	[[noreturn]] void refuse(const std::string &why) const {
		throw ParseError{s.line, why + " in '" + s.whole() + "'"};
	}
	[[noreturn]] void refuse() const {
		throw ParseError{s.line, "unsupported form of '" + s.words[0] + "': '" + s.whole() + "'"};
	}

	bool is(const char *w) { return word < s.words.size() && s.words[word] == w ? (word++, true) : false; }
	void needs(const char *w) {
		if (!is(w)) refuse();
	}
	// among takes the next word if it is in the list, whose words are separated by blanks, and returns its
	// number, or −1.
	int among(const char *list) {
		if (word >= s.words.size()) return -1;
		std::string all = std::string(" ") + list + " ", w = " " + s.words[word] + " ";
		size_t found = all.find(w);
		if (s.words[word].empty() || found == std::string::npos) return -1;
		word++;
		int n = 0;
		for (size_t k = 0; k < found; k++) n += all[k] == ' ';
		return n;
	}
	Type type(const char *list) {
		if (among(list) < 0) refuse();
		const std::string &w = s.words[word - 1];
		return w == "pred" ? Type{'p', 32} : Type{w[0], u8(std::stoi(w.substr(1)))};
	}
	void end(size_t operands) {
		if (word != s.words.size()) refuse();
		if (s.operands.size() != operands) refuse("wrong number of operands");
	}

	// fits says whether a register may be an operand of a type. Loads, stores and conversions accept wider
	// registers too.
	static bool fits(Type r, Type type, bool wider) {
		if ((r.kind == 'p') != (type.kind == 'p')) return false;
		if (r.bits != type.bits && !(wider && r.bits > type.bits && !r.floating() && !type.floating()))
			return false;
		return r.kind == 'b' || type.kind == 'b' || r.floating() == type.floating();
	}
	u32 result(const Operand &o, Type type, bool wider = false) const {
		if (o.kind != Operand::cell || !o.writable || o.negated || !fits(o.type, type, wider))
			refuse("wrong type of destination");
		return o.place;
	}
	u32 result(size_t n, Type type, bool wider = false) const { return result(s.operands[n], type, wider); }
	u32 value(const Operand &o, Type type, bool wider = false) {
		switch (o.kind) {
		case Operand::cell:
			if (!o.text.empty() && !type.floating() && type.bits >= 32 && type.kind != 'p')
				return o.place; // dynamic memory
			if (o.negated || !fits(o.type, type, wider)) refuse("wrong type of operand");
			return o.place;
		case Operand::shared:
			if (type.floating() || type.kind == 'p' || type.bits < 32) refuse("wrong type of operand");
			return to.constant(o.value);
		case Operand::real:
			if (type.bits != o.type.bits || (type.kind != 'f' && type.kind != 'b'))
				refuse("wrong type of constant");
			return to.constant(o.value);
		case Operand::integer: {
			if (type.floating() || type.kind == 'p') refuse("wrong type of constant");
			u64 past = type.bits == 64 ? 0 : o.value >> type.bits;
			bool sign = o.negated && type.bits < 64 && i64(o.value) >= -(i64(1) << (type.bits - 1));
			if (past && !sign) refuse("a constant that does not fit");
			return to.constant(type.bits == 64 ? o.value : o.value & ((u64(1) << type.bits) - 1));
		}
		default: refuse("wrong kind of operand");
		}
	}
	u32 value(size_t n, Type type, bool wider = false) { return value(s.operands[n], type, wider); }
	u32 predicate(size_t n) { // may be negated
		Operand o = s.operands[n];
		out.negated = o.negated, o.negated = false;
		return value(o, {'p', 32});
	}
	// address sets the offset and returns the register.
	u32 address(const Operand &o, bool is_global) {
		if (o.kind != Operand::address || !o.text.empty()) refuse("an address is expected");
		if (is_global && o.based && o.type.bits != 64) refuse("an address of 64 bits is expected");
		out.offset = o.offset;
		return o.based ? o.place : to.constant(0);
	}
	void add(Step step) {
		if (!step) refuse();
		out.run = step, out.line = u32(s.line);
		to.kernel.code.push_back(out);
	}
	// simple appends d = op(a, b, c), all of one type.
	void simple(Step step, Type type, size_t sources) {
		end(sources + 1);
		out.operand[0] = result(0, type);
		for (size_t n = 1; n <= sources; n++) out.operand[n] = value(n, type);
		add(step);
	}
};

#define INTEGERS "u16 s16 u32 s32 u64 s64"
#define INTEGER_TYPES u16, i16, u32, i32, u64, i64
#define FLOATS "f32 f64"

const Type u32_type{'u', 32}, b32_type{'b', 32}, pred{'p', 32};

// Floating-point arithmetic must name its rounding: without .rn a compiler may fuse it.
template <class Op> void two_operands(Encoder &e) {
	bool rounded = e.is("rn");
	Type t = e.type(rounded ? FLOATS : INTEGERS);
	e.simple(two_of<Op, INTEGER_TYPES, float, double>(t), t, 2);
}
void mul(Encoder &e) {
	if (e.is("rn")) {
		Type t = e.type(FLOATS);
		return e.simple(two_of<Mul, float, double>(t), t, 2);
	}
	int part = e.among("lo hi wide");
	Type t = e.type(part == 2 ? "u16 s16 u32 s32" : INTEGERS);
	if (part < 0) return e.simple(nullptr, t, 2);
	if (part < 2)
		return e.simple(part ? two_of<MulHi, INTEGER_TYPES>(t) : two_of<Mul, INTEGER_TYPES>(t), t, 2);
	e.end(3);
	e.out.operand[0] = e.result(0, {t.kind, u8(2 * t.bits)});
	e.out.operand[1] = e.value(1, t), e.out.operand[2] = e.value(2, t);
	e.add(two_of<MulWide, u16, i16, u32, i32>(t));
}
void fma(Encoder &e) {
	e.needs("rn");
	Type t = e.type(FLOATS);
	e.simple(three_of<Fma, float, double>(t), t, 3);
}
void mad(Encoder &e) {
	int part = e.among("lo hi wide");
	if (part < 0) return fma(e);
	Type t = e.type(part == 2 ? "u16 s16 u32 s32" : INTEGERS), c = t;
	if (part < 2)
		return e.simple(part ? three_of<MadHi, INTEGER_TYPES>(t) : three_of<MadLo, INTEGER_TYPES>(t), t, 3);
	c.bits = u8(2 * t.bits);
	e.end(4);
	e.out.operand[0] = e.result(0, c), e.out.operand[3] = e.value(3, c);
	e.out.operand[1] = e.value(1, t), e.out.operand[2] = e.value(2, t);
	e.add(t.bits == 16    ? (t.kind == 'u' ? mad_wide<u16> : mad_wide<i16>)
	      : t.kind == 'u' ? mad_wide<u32>
	                      : mad_wide<i32>);
}
void rem(Encoder &e) {
	Type t = e.type(INTEGERS);
	e.simple(two_of<Rem, INTEGER_TYPES>(t), t, 2);
}
template <class Op> void extreme(Encoder &e) { // min, max
	Type t = e.type(INTEGERS " " FLOATS);
	e.simple(two_of<Op, INTEGER_TYPES, float, double>(t), t, 2);
}
void copysign_of(Encoder &e) { // copysign
	Type t = e.type(FLOATS);
	e.simple(two_of<Copysign, float, double>(t), t, 2);
}
template <class Op> void sign(Encoder &e) { // abs, neg
	Type t = e.type("s16 s32 s64 " FLOATS);
	e.simple(one_of<Op, i16, i32, i64, float, double>(t), t, 1);
}
template <class Op> void rounded(Encoder &e) { // sqrt, rcp
	e.needs("rn");
	Type t = e.type(FLOATS);
	e.simple(one_of<Op, float, double>(t), t, 1);
}
template <class Op> void logic(Encoder &e) {
	Type t = e.type("pred b16 b32 b64");
	e.simple(two_of<Op, u16, u32, u64>(t), t, 2);
}
void negation(Encoder &e) { // not
	Type t = e.type("pred b16 b32 b64");
	e.simple(t.kind == 'p' ? one<NotPredicate, u32> : one_of<Not, u16, u32, u64>(t), t, 1);
}
template <class Op, bool left> void shifted(Encoder &e) {
	Type t = e.type(left ? "b16 b32 b64" : "b16 b32 b64 " INTEGERS);
	e.end(3);
	e.out.operand[0] = e.result(0, t), e.out.operand[1] = e.value(1, t),
	e.out.operand[2] = e.value(2, u32_type);
	e.add(shift_of<Op, INTEGER_TYPES>(t));
}
template <class Op> void counted(Encoder &e) { // popc, clz
	Type t = e.type("b32 b64");
	e.end(2);
	e.out.operand[0] = e.result(0, u32_type), e.out.operand[1] = e.value(1, t);
	e.add(one_of<Op, u32, u64>(t));
}
void brev(Encoder &e) {
	Type t = e.type("b32 b64");
	e.simple(one_of<Brev, u32, u64>(t), t, 1);
}
void bfe(Encoder &e) {
	Type t = e.type("u32 s32 u64 s64");
	e.end(4);
	e.out.operand[0] = e.result(0, t), e.out.operand[1] = e.value(1, t);
	e.out.operand[2] = e.value(2, u32_type), e.out.operand[3] = e.value(3, u32_type);
	e.add(field_of<Bfe, u32, i32, u64, i64>(t));
}
void prmt(Encoder &e) {
	Type t = e.type("b32");
	e.simple(three<Prmt, u32>, t, 3);
}

void mov(Encoder &e) {
	Type t = e.type("pred b16 b32 b64 " INTEGERS " " FLOATS);
	e.end(2);
	const Operand &d = e.s.operands[0], &a = e.s.operands[1];
	bool takes_apart = d.kind == Operand::vector, joins = a.kind == Operand::vector;
	if (takes_apart || joins) {
		const auto &parts = (takes_apart ? d : a).parts;
		if (!(t == Type{'b', 64}) || parts.size() != 2 || (takes_apart && joins)) e.refuse();
		if (joins) {
			e.out.operand[0] = e.result(d, t);
			for (u32 k = 0; k < 2; k++) e.out.operand[k + 1] = e.value(parts[k], b32_type);
			return e.add(pack);
		}
		e.out.operand[2] = e.value(a, t);
		for (u32 k = 0; k < 2; k++)
			e.out.operand[k] = parts[k].kind == Operand::sink ? e.to.cell(0) : e.result(parts[k], b32_type);
		return e.add(unpack);
	}
	e.out.operand[0] = e.result(d, t), e.out.operand[1] = e.value(a, t);
	e.add(t.bits == 16 ? move<u16> : t.bits == 32 ? move<u32> : move<u64>);
}
void cvta(Encoder &e) { // addresses of global memory are generic addresses
	e.is("to");
	e.needs("global");
	Type t = e.type("u64");
	e.simple(move<u64>, t, 1);
}
void selp(Encoder &e) {
	Type t = e.type("b16 b32 b64 " INTEGERS " " FLOATS);
	e.end(4);
	e.out.operand[0] = e.result(0, t), e.out.operand[1] = e.value(1, t), e.out.operand[2] = e.value(2, t);
	e.out.operand[3] = e.value(3, pred);
	e.add(t.bits == 16 ? select<u16> : t.bits == 32 ? select<u32> : select<u64>);
}

template <Comparison C, class... Ts> Step setp_of(Type type, bool boolean) {
	Step found = nullptr;
	((matches<Ts>(type) ? void(found = boolean ? setp_boolean<C, Ts> : setp<C, Ts>) : void()), ...);
	return found;
}
template <u8... C> Step setp_integer(int comparison, Type t, bool boolean, std::integer_sequence<u8, C...>) {
	Step found = nullptr;
	((comparison == C ? void(found = setp_of<Comparison(C), INTEGER_TYPES>(t, boolean)) : void()), ...);
	return found;
}
template <u8... C> Step setp_floating(int comparison, Type t, bool boolean, std::integer_sequence<u8, C...>) {
	Step found = nullptr;
	((comparison == C ? void(found = setp_of<Comparison(C), float, double>(t, boolean)) : void()), ...);
	return found;
}
void set_predicate(Encoder &e) { // setp
	int comparison = e.among("eq ne lt le gt ge equ neu ltu leu gtu geu num nan"), unsigned_one = -1;
	if (comparison < 0 && (unsigned_one = e.among("lo ls hi hs")) >= 0) comparison = lt + unsigned_one;
	int boolean = e.among("and or xor") + 1;
	Type t = e.type("b16 b32 b64 " INTEGERS " " FLOATS);
	if (comparison < 0 || (t.kind == 'b' && comparison > ne) || (unsigned_one >= 0 && t.kind != 'u'))
		e.refuse();
	e.end(boolean ? 4 : 3);
	e.out.operand[0] = e.result(0, pred), e.out.operand[1] = e.value(1, t), e.out.operand[2] = e.value(2, t);
	if (boolean) e.out.operand[3] = e.predicate(3);
	e.out.detail = u8(boolean);
	e.add(t.floating() ? setp_floating(comparison, t, boolean, std::make_integer_sequence<u8, 14>())
	                   : setp_integer(comparison, t, boolean, std::make_integer_sequence<u8, 6>()));
}

template <class D, class... Ss> Step convert_from(Type from) {
	Step found = nullptr;
	((matches<Ss>(from) ? void(found = convert<Ss, D>) : void()), ...);
	return found;
}
template <class... Ds> Step convert_to(Type to, Type from) {
	Step found = nullptr;
	((matches<Ds>(to) ? void(found = convert_from<Ds, u8, i8, INTEGER_TYPES, float, double>(from)) : void()),
	 ...);
	return found;
}
void cvt(Encoder &e) {
	u8 rounding = u8(e.among("rn rz rni rzi rmi rpi") + 1);
	const char *all = "u8 s8 " INTEGERS " " FLOATS;
	Type d = e.type(all), s = e.type(all);
	// Which conversions must name a rounding, which must not, and which may.
	bool to_f = d.floating(), from_f = s.floating(), same = to_f && from_f && d.bits == s.bits;
	bool good = same                ? rounding == none || rounding >= rni
	            : to_f && from_f    ? (d.bits < s.bits ? rounding == rn || rounding == rz : rounding == none)
	            : to_f              ? rounding == rn
	            : from_f            ? rounding >= rni
	                                : rounding == none;
	if (!good) e.refuse();
	e.end(2);
	e.out.detail = rounding;
	e.out.operand[0] = e.result(0, d, true), e.out.operand[1] = e.value(1, s, true);
	e.add(convert_to<u8, i8, INTEGER_TYPES, float, double>(d, s));
}

// The steps of a space for every type and vector length.
template <Space space> Step load_of(Type t, int n, bool polls) {
	Step found = nullptr;
	auto choose = [&](auto v) {
		using T = decltype(v);
		// A sign matters only if it is extended.
		bool same = t.bits == width<T> && (t.kind == 's' && t.bits < 32) == std::is_signed_v<T>;
		if (!same) return;
		if (polls) found = n == 1 ? poll<space, T, 1> : n == 2 ? poll<space, T, 2> : poll<space, T, 4>;
		else found = n == 1 ? load<space, T, 1> : n == 2 ? load<space, T, 2> : load<space, T, 4>;
	};
	choose(u8()), choose(i8()), choose(u16()), choose(i16()), choose(u32()), choose(u64());
	return found;
}
template <Space space> Step store_of(Type t, int n, bool published) {
	Step found = nullptr;
	auto choose = [&](auto v) {
		using T = decltype(v);
		if (t.bits != width<T>) return;
		if (published)
			found = n == 1 ? publish<space, T, 1> : n == 2 ? publish<space, T, 2> : publish<space, T, 4>;
		else found = n == 1 ? store<space, T, 1> : n == 2 ? store<space, T, 2> : store<space, T, 4>;
	};
	choose(u8()), choose(u16()), choose(u32()), choose(u64());
	return found;
}
void load_parameter(Encoder &e) {
	Type t = e.type("b8 u8 s8 b16 b32 b64 " INTEGERS " " FLOATS);
	e.end(2);
	const Operand &a = e.s.operands[1];
	if (a.kind != Operand::address || a.text.empty() || a.offset)
		e.refuse("the name of a parameter is expected");
	if (a.type.bits != t.bits) e.refuse("the parameter's type has another size");
	e.out.operand[0] = e.result(0, t, true), e.out.operand[1] = a.place;
	Type from{t.floating() || t.kind == 'b' ? 'u' : t.kind, t.bits};
	e.add(t.bits == 32 ? move<u32> : t.bits == 64 ? move<u64> : convert_to<u64, i64>({from.kind, 64}, from));
}
// ld and st: {.weak, .volatile, .relaxed.scope, .acquire.scope or .release.scope} .space {.nc or a cache}
// {.v2, .v4} .type
void access(Encoder &e, bool loads) {
	if (loads && e.is("param")) return load_parameter(e);
	int strength = e.among(loads ? "weak volatile relaxed acquire" : "weak volatile relaxed release");
	if (strength >= 2 && e.among("cta cluster gpu sys") < 0) e.refuse("a scope is expected");
	int space = e.among("global shared");
	if (space < 0) e.refuse();
	if (strength < 1) {
		bool cached = e.among(loads ? "ca cg cs cv lu" : "wb cg cs wt") >= 0;
		if (loads && !space && !cached) e.is("nc");
	}
	int n = e.is("v2") ? 2 : e.is("v4") ? 4 : 1;
	Type t = e.type("b8 u8 s8 b16 b32 b64 " INTEGERS " " FLOATS);
	if (n * t.bits > 128) e.refuse();
	e.end(2);
	const Operand &place = e.s.operands[loads ? 1 : 0], &data = e.s.operands[loads ? 0 : 1];
	e.out.operand[4] = e.address(place, !space);
	e.out.seen = &Memory::nothing;
	if ((n > 1) != (data.kind == Operand::vector) || (n > 1 && data.parts.size() != size_t(n)))
		e.refuse("wrong number of registers");
	for (int k = 0; k < n; k++) {
		const Operand &o = n > 1 ? data.parts[k] : data;
		e.out.operand[k] = !loads                             ? e.value(o, t, true)
		                   : o.kind == Operand::sink && n > 1 ? e.to.cell(0)
		                                                      : e.result(o, t, true);
	}
	bool strong = strength >= 1;
	if (loads) e.add(space ? load_of<Space::shared>(t, n, strong) : load_of<Space::global>(t, n, strong));
	else e.add(space ? store_of<Space::shared>(t, n, strong) : store_of<Space::global>(t, n, strong));
}
void ld(Encoder &e) { access(e, true); }
void st(Encoder &e) { access(e, false); }

template <Space space> Step atomic_of(int op, Type t) {
	auto pick = [&](auto operation, auto... types) {
		Step found = nullptr;
		((matches<decltype(types)>(t) ? void(found = atomic<space, decltype(operation), decltype(types)>)
		                              : void()),
		 ...);
		return found;
	};
	bool bits = t.kind == 'b';
	switch (op) {
	case 0: return bits ? nullptr : pick(Add(), u32(), i32(), u64());
	case 1: return bits ? nullptr : pick(Min(), u32(), i32(), u64(), i64());
	case 2: return bits ? nullptr : pick(Max(), u32(), i32(), u64(), i64());
	case 3: return bits ? pick(And(), u32(), u64()) : nullptr;
	case 4: return bits ? pick(Or(), u32(), u64()) : nullptr;
	case 5: return bits ? pick(Xor(), u32(), u64()) : nullptr;
	case 6: return bits ? pick(Exchange(), u32(), u64()) : nullptr;
	case 7: return t.kind == 'u' ? pick(Increment(), u32()) : nullptr;
	case 8: return t.kind == 'u' ? pick(Decrement(), u32()) : nullptr;
	default:
		return !bits ? nullptr : t.bits == 32 ? compare_and_swap<space, u32> : compare_and_swap<space, u64>;
	}
}
// Integers only: the result of a floating-point sum would depend on the scheduler's order.
void atomic_access(Encoder &e, bool returns) {
	int order = e.among("relaxed acquire release acq_rel");
	e.among("cta cluster gpu sys");
	int space = e.among("global shared"), op = e.among("add min max and or xor exch inc dec cas");
	Type t = e.type("b32 u32 s32 b64 u64 s64");
	if (space < 0 || op < 0 || (!returns && (op == 6 || op == 9 || order == 1 || order == 3))) e.refuse();
	size_t first = returns ? 1 : 0;
	e.end(first + 2 + (op == 9));
	e.out.operand[0] = returns && e.s.operands[0].kind != Operand::sink ? e.result(0, t) : e.to.cell(0);
	e.out.operand[4] = e.address(e.s.operands[first], !space);
	e.out.operand[1] = e.value(first + 1, t);
	if (op == 9) e.out.operand[2] = e.value(first + 2, t);
	e.out.seen = &Memory::nothing;
	e.add(space ? atomic_of<Space::shared>(op, t) : atomic_of<Space::global>(op, t));
}
void atom(Encoder &e) { atomic_access(e, true); }
void red(Encoder &e) { atomic_access(e, false); }

void cp(Encoder &e) {
	e.needs("async");
	if (e.to.target < 80) e.refuse("Feature 'cp.async' requires .target sm_80 or higher");
	int control = e.among("commit_group wait_group wait_all");
	if (control >= 0) {
		e.end(control == 1);
		if (control == 1) {
			const Operand &n = e.s.operands[0];
			if (n.kind != Operand::integer || n.negated || n.value > 1 << 20)
				e.refuse("a number of groups is expected");
			e.out.offset = i64(n.value);
		} else {
			e.out.offset = -1;
		}
		return e.add(control == 0 ? commit : wait_group);
	}
	int cache = e.among("ca cg");
	if (cache < 0 || !e.is("shared") || !e.is("global")) e.refuse();
	e.end(e.s.operands.size() == 4 ? 4 : 3);
	const Operand &to = e.s.operands[0], &from = e.s.operands[1], &size = e.s.operands[2];
	bool known = size.kind == Operand::integer &&
	             (size.value == 16 || (cache == 0 && (size.value == 4 || size.value == 8)));
	if (!known) e.refuse("unsupported size of a copy");
	e.out.detail = u8(size.value);
	e.out.operand[1] = e.address(from, true);
	if (e.out.offset >> 32) e.refuse("unsupported offset of a source"); // operand[3] has 32 bits and no sign
	e.out.operand[3] = u32(e.out.offset);
	e.out.operand[0] = e.address(to, false);
	e.out.operand[2] = e.s.operands.size() == 4 ? e.value(3, u32_type) : e.to.constant(size.value);
	e.out.seen = &Memory::nothing;
	e.add(copy);
}

void bar(Encoder &e) {
	bool full_name = e.s.words[0] == "barrier";
	if (e.is("warp")) {
		if (full_name) e.refuse();
		e.needs("sync");
		e.end(1);
		e.out.operand[5] = e.value(0, u32_type);
		e.out.detail = only_meet;
		return e.add(meet);
	}
	e.is("cta");
	e.needs("sync");
	bool aligned = !full_name || e.is("aligned");
	e.end(1);
	e.out.operand[0] = e.value(0, u32_type);
	e.out.detail = aligned ? 0 : 1;
	e.add(barrier);
}
void shfl(Encoder &e) {
	e.needs("sync");
	int mode = e.among("up down bfly idx");
	e.type("b32");
	if (mode < 0) e.refuse();
	e.end(5);
	const Operand &d = e.s.operands[0];
	bool two = d.kind == Operand::pair;
	e.out.operand[0] = e.result(two ? d.parts[0] : d, b32_type);
	e.out.operand[4] = two ? e.result(d.parts[1], pred) : 0;
	e.out.operand[1] = e.value(1, b32_type);
	for (size_t n = 2; n < 4; n++) e.out.operand[n] = e.value(n, u32_type);
	e.out.operand[5] = e.value(4, u32_type);
	e.out.detail = u8(shuffle_up + mode);
	e.add(offer_shuffle);
}
void vote(Encoder &e) {
	e.needs("sync");
	int mode = e.among("all any uni ballot");
	Type t = e.type("pred b32");
	if (mode < 0 || (mode == 3) != (t.kind == 'b')) e.refuse();
	e.end(3);
	e.out.operand[0] = e.result(0, t);
	e.out.operand[1] = e.predicate(1);
	e.out.operand[5] = e.value(2, u32_type);
	e.out.detail = u8(vote_all + mode);
	e.add(offer_vote);
}
void mma(Encoder &e) {
	for (const char *w : {"sync", "aligned", "m8n8k4", "row", "col", "f64", "f64", "f64", "f64"}) e.needs(w);
	if (e.to.target < 80) e.refuse("Feature 'mma with .f64' requires .target sm_80 or higher");
	e.end(4);
	const size_t sizes[4] = {2, 1, 1, 2};
	for (size_t n = 0; n < 4; n++) {
		const Operand &o = e.s.operands[n];
		if (o.kind != Operand::vector || o.parts.size() != sizes[n]) e.refuse("wrong size of a fragment");
	}
	const std::vector<Operand> &o = e.s.operands;
	const Type number{'f', 64};
	for (size_t n = 0; n < 2; n++) e.out.operand[n] = e.result(o[0].parts[n], number);
	if (e.out.operand[0] == e.out.operand[1]) e.refuse("the same register twice");
	e.out.operand[2] = e.value(o[1].parts[0], number);
	e.out.operand[3] = e.value(o[2].parts[0], number);
	e.out.operand[4] = e.value(o[3].parts[0], number);
	e.out.offset = e.value(o[3].parts[1], number);
	e.out.operand[5] = e.to.constant(0xffffffff);
	e.out.detail = matrix_product;
	e.add(meet);
}
void membar(Encoder &e) { // all threads see one order of memory
	if (e.among("cta gl sys") < 0) e.refuse();
	e.end(0);
	e.add(nothing);
}
void fence(Encoder &e) {
	e.among("sc acq_rel");
	if (e.among("cta cluster gpu sys") < 0) e.refuse();
	e.end(0);
	e.add(nothing);
}
void ret(Encoder &e) { // also exit
	e.is("uni");
	e.end(0);
	e.add(leave);
}
void trap_here(Encoder &e) {
	e.end(0);
	e.add(trap);
}
void bra(Encoder &e) { e.refuse(); } // the parser handles it

const std::unordered_map<std::string, void (*)(Encoder &)> instructions = {
	{"add", two_operands<Add>}, {"sub", two_operands<Sub>}, {"div", two_operands<Div>}, {"mul", mul},
	{"mad", mad},       {"fma", fma},           {"rem", rem},          {"min", extreme<Min>},
	{"max", extreme<Max>}, {"abs", sign<Abs>},  {"neg", sign<Neg>},    {"sqrt", rounded<Sqrt>},
	{"copysign", copysign_of},
	{"rcp", rounded<Rcp>}, {"and", logic<And>}, {"or", logic<Or>},     {"xor", logic<Xor>},
	{"not", negation},  {"shl", shifted<Shl, true>}, {"shr", shifted<Shr, false>}, {"popc", counted<Popc>},
	{"clz", counted<Clz>}, {"brev", brev},      {"bfe", bfe},          {"prmt", prmt},
	{"mov", mov},       {"cvta", cvta},         {"selp", selp},        {"setp", set_predicate},
	{"cvt", cvt},       {"ld", ld},             {"st", st},            {"atom", atom},
	{"red", red},       {"cp", cp},             {"bar", bar},          {"barrier", bar},
	{"shfl", shfl},     {"vote", vote},         {"mma", mma},          {"membar", membar},
	{"fence", fence},   {"ret", ret},       {"exit", ret},          {"trap", trap_here},   {"bra", bra},
};

void append(Assembly &to, Step step, u32 place, int line) {
	Instruction i{};
	i.run = step, i.operand[0] = place, i.line = u32(line);
	to.kernel.code.push_back(i);
}

} // namespace

bool known_instruction(const std::string &name) { return instructions.count(name) != 0; }

void encode(Assembly &to, const Statement &s) {
	auto found = instructions.find(s.words[0]);
	if (found == instructions.end())
		throw ParseError{s.line, "Not a name of any known instruction: '" + s.words[0] + "'"};
	Encoder e{to, s};
	found->second(e);
}
void skip_unless(Assembly &to, u32 place, bool negated, int line) {
	append(to, negated ? skip_if : skip_if_not, place, line);
}
void branch(Assembly &to, const u32 *place, bool negated, int line) {
	append(to, !place ? jump : negated ? jump_unless : jump_if, place ? *place : 0, line);
}
void stop(Assembly &to, int line) { append(to, leave, 0, line); }
