package emulator

// opcodes are the instructions that this device knows. Each decoder reads the statement's modifiers and
// operands and returns the operation.
var opcodes map[string]func(a *assembler) operation

func init() {
	opcodes = map[string]func(a *assembler) operation{
		"mov": decodeMov, "ld": decodeLd, "st": decodeSt, "cvta": decodeCvta, "cvt": decodeCvt,
		"atom": decodeAtom, "red": decodeAtom, "cp": decodeCp,

		"add": decodeAdd, "sub": decodeAdd, "addc": decodeCarry, "subc": decodeCarry,
		"mul": decodeMul, "mad": decodeMul, "madc": decodeMul, "sad": decodeSad,
		"div": decodeDiv, "rem": decodeRem,
		"min": decodeMin, "max": decodeMin, "abs": decodeAbs, "neg": decodeAbs,
		"and": decodeLogic, "or": decodeLogic, "xor": decodeLogic, "not": decodeNot, "cnot": decodeNot,
		"shl": decodeShift, "shr": decodeShift, "shf": decodeFunnel,
		"bfe": decodeBfe, "bfi": decodeBfi, "prmt": decodePrmt, "lop3": decodeLop3,
		"popc": decodeCount, "clz": decodeCount, "brev": decodeCount, "bfind": decodeBfind,

		"fma": decodeFma, "sqrt": decodeRoot, "rcp": decodeRoot,
		"copysign": decodeCopysign, "testp": decodeTestp,

		"setp": decodeSetp, "selp": decodeSelp,

		"bra": decodeBra, "ret": decodeExit, "exit": decodeExit, "trap": decodeTrap,
		"nanosleep": decodeNanosleep, "bar": decodeBar, "barrier": decodeBar,
		"shfl": decodeShfl, "vote": decodeVote, "activemask": decodeActivemask, "mma": decodeMma,
		"membar": decodeFence, "fence": decodeFence,
	}
}
