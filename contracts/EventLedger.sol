// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title The system of record: lanes of hash-linked records, written in batches and never rewritten.
/// @notice The contract is the memory of what has been attested: per lane the next sequence number, the head, and a mark
///         per producer. Head and Merkle root are computed here and never taken on trust. That the payload belongs to the
///         leaves is what every reader checks.
contract EventLedger {
    /// @notice Decisions `first` to `last` of a producer's epoch, which a batch attests.
    /// @param producer The producer's name in ASCII, padded with zeros on the right.
    /// @param epoch The producer's life, from 1.
    /// @param first The first decision, from 1.
    /// @param last The last decision, not below the first.
    struct Mark {
        bytes32 producer;
        uint64 epoch;
        uint64 first;
        uint64 last;
    }

    /// @dev How many records a lane has, who may write to it, and its head (unset before the first batch).
    struct Lane {
        uint64 attested;
        address holder;
        bytes32 head;
    }

    /// @dev The last decision of a producer that a lane holds.
    struct Attested {
        uint64 epoch;
        uint64 last;
    }

    /// @notice The most records that one batch may have.
    uint256 public constant MAX_EVENTS = 4096;

    bytes32 private constant LANE_DOMAIN = keccak256("cartulary.lane.v1");

    /// @notice How many lanes there are; lane numbers run from 0. Set once.
    uint64 public immutable lanes;

    /// @notice Who grants lanes and registers producers; may be a multi-signature.
    address public owner;

    /// @notice Whom the owner has offered the contract to.
    address public pendingOwner;

    /// @notice The Ed25519 public key of a producer; zero for one that is not registered.
    mapping(bytes32 producer => bytes32 key) public producerKey;

    mapping(uint64 number => Lane) private _lanes;
    mapping(uint64 number => mapping(bytes32 producer => Attested)) private _marks;

    /// @notice A batch was attested: records `first` to `first + count - 1` of the lane, up to `head`.
    event Batch(uint64 indexed lane, uint64 first, uint64 count, bytes32 head, bytes32 root);
    /// @notice A producer's key, in force from here on.
    event ProducerRegistered(bytes32 indexed producer, bytes32 key);
    /// @notice The lane's holder is another; the zero address holds nothing.
    event LaneGranted(uint64 indexed lane, address holder);
    /// @notice The owner offers the contract to somebody.
    event OwnershipOffered(address indexed owner, address indexed pendingOwner);
    /// @notice The offer was accepted.
    event OwnershipTransferred(address indexed previousOwner, address indexed owner);

    /// @notice Only the owner may do this.
    error NotOwner(address sender);
    /// @notice Only whom the contract was offered to may accept it.
    error NotPendingOwner(address sender);
    /// @notice A ledger has at least one lane.
    error NoLanes();
    /// @notice There is no such lane.
    error UnknownLane(uint64 lane);
    /// @notice The sender does not hold the lane.
    error NotHolder(uint64 lane, address sender);
    /// @notice A contract called; what it passes on would stand in no transaction, and no reader could find it.
    error NotDirect(address sender);
    /// @notice The batch has no record.
    error EmptyBatch();
    /// @notice The batch has more than MAX_EVENTS records.
    error BatchTooLarge(uint256 count);
    /// @notice The leaves are not whole hashes of 32 bytes.
    error RaggedLeaves(uint256 length);
    /// @notice The batch leaves a gap, or repeats what the lane has.
    error WrongSequence(uint64 expected, uint64 given);
    /// @notice The batch was built on another head than the lane's.
    error WrongHead(bytes32 expected, bytes32 given);
    /// @notice The batch moves no mark, but records come from decisions.
    error NoMarks();
    /// @notice The producer is not registered, so nobody could check its signature.
    error UnknownProducer(bytes32 producer);
    /// @notice The mark does not go on from the producer's, which is given.
    error BrokenMark(bytes32 producer, uint64 epoch, uint64 last);
    /// @notice A producer has a name.
    error EmptyName();
    /// @notice A producer has a key.
    error EmptyKey();

    /// @dev Refuses everybody but the owner.
    modifier onlyOwner() {
        if (msg.sender != owner) revert NotOwner(msg.sender);
        _;
    }

    /// @param lanes_ How many lanes there are, for good.
    constructor(uint64 lanes_) {
        if (lanes_ == 0) revert NoLanes();
        lanes = lanes_;
        owner = msg.sender;
        emit OwnershipTransferred(address(0), msg.sender);
    }

    /// @notice Write a batch: the lane goes on from `expectedHead` at `first`, the producers from their marks.
    /// @param number The lane; the sender holds it.
    /// @param first The sequence number of the first record: the lane's next.
    /// @param expectedHead The lane's head before the batch, so that a stale transaction can never land.
    /// @param marks The producers' decisions in this batch, each going on where its mark stands.
    /// @param leaves The records' data hashes, 32 bytes each.
    /// @param payload The records themselves, compressed; it is only carried.
    function attest(
        uint64 number,
        uint64 first,
        bytes32 expectedHead,
        Mark[] calldata marks,
        bytes calldata leaves,
        bytes calldata payload
    ) external {
        payload;
        Lane storage state = _lanes[number];
        if (number >= lanes) revert UnknownLane(number);
        if (msg.sender != state.holder) revert NotHolder(number, msg.sender);
        if (msg.sender != tx.origin) revert NotDirect(msg.sender);
        if (leaves.length % 32 != 0) revert RaggedLeaves(leaves.length);
        uint256 count = leaves.length / 32;
        if (count == 0) revert EmptyBatch();
        if (count > MAX_EVENTS) revert BatchTooLarge(count);
        uint64 next = state.attested + 1;
        if (first != next) revert WrongSequence(next, first);
        bytes32 head = _headOf(state, number);
        if (expectedHead != head) revert WrongHead(head, expectedHead);
        _move(number, marks);
        head = _extend(head, leaves);
        state.attested += uint64(count);
        state.head = head;
        emit Batch(number, first, uint64(count), head, _root(leaves));
    }

    /// @notice The next sequence number of a lane, and its head.
    /// @param number The lane.
    /// @return next The sequence number that the next record will have, from 1.
    /// @return head The head to extend.
    function lane(uint64 number) external view returns (uint64 next, bytes32 head) {
        if (number >= lanes) revert UnknownLane(number);
        Lane storage state = _lanes[number];
        return (state.attested + 1, _headOf(state, number));
    }

    /// @notice Who may write to a lane.
    /// @param number The lane.
    /// @return The holder; the zero address for nobody.
    function holder(uint64 number) external view returns (address) {
        return _lanes[number].holder;
    }

    /// @notice The last decision of a producer that the lane holds; zeros when there is none.
    /// @param number The lane.
    /// @param producer The producer's name.
    /// @return epoch The producer's life.
    /// @return last The decision's number in it.
    function mark(uint64 number, bytes32 producer) external view returns (uint64 epoch, uint64 last) {
        Attested storage attested = _marks[number][producer];
        return (attested.epoch, attested.last);
    }

    /// @notice Register a producer, or replace its key from here on.
    /// @param producer The name in ASCII, padded with zeros on the right.
    /// @param key The Ed25519 public key by which readers check its runs.
    function registerProducer(bytes32 producer, bytes32 key) external onlyOwner {
        if (producer == 0) revert EmptyName();
        if (key == 0) revert EmptyKey();
        producerKey[producer] = key;
        emit ProducerRegistered(producer, key);
    }

    /// @notice Give a lane to a holder; the zero address revokes it.
    /// @param number The lane.
    /// @param to The account that signs the lane's transactions; no contract can (NotDirect).
    function grantLane(uint64 number, address to) external onlyOwner {
        if (number >= lanes) revert UnknownLane(number);
        _lanes[number].holder = to;
        emit LaneGranted(number, to);
    }

    /// @notice Offer the contract to another owner, who must accept; the zero address withdraws the offer.
    /// @param to The owner to be.
    function transferOwnership(address to) external onlyOwner {
        pendingOwner = to;
        emit OwnershipOffered(owner, to);
    }

    /// @notice Accept the offer.
    function acceptOwnership() external {
        if (msg.sender != pendingOwner) revert NotPendingOwner(msg.sender);
        emit OwnershipTransferred(owner, msg.sender);
        owner = msg.sender;
        pendingOwner = address(0);
    }

    /// @dev A lane begins with a head of its own, so that no batch of another chain, contract or lane fits it.
    function _headOf(Lane storage state, uint64 number) private view returns (bytes32) {
        if (state.attested != 0) return state.head;
        return keccak256(abi.encode(LANE_DOMAIN, block.chainid, address(this), number));
    }

    /// @dev The same epoch and the next decision, or a higher epoch from its first.
    function _move(uint64 number, Mark[] calldata marks) private {
        if (marks.length == 0) revert NoMarks();
        for (uint256 i = 0; i < marks.length; ++i) {
            Mark calldata moved = marks[i];
            if (producerKey[moved.producer] == 0) revert UnknownProducer(moved.producer);
            Attested storage known = _marks[number][moved.producer];
            // Nothing wraps: a mark at the end of its numbers goes on in no decision, only in a higher epoch.
            bool goesOn = moved.epoch == known.epoch && moved.first > known.last && moved.first - known.last == 1;
            bool begins = moved.epoch > known.epoch && moved.first == 1;
            if (!(goesOn || begins) || moved.epoch == 0 || moved.last < moved.first) {
                revert BrokenMark(moved.producer, known.epoch, known.last);
            }
            known.epoch = moved.epoch;
            known.last = moved.last;
        }
    }

    /// @dev head = keccak256(head ‖ leaf) for each leaf, in the scratch space of two words.
    function _extend(bytes32 head, bytes calldata leaves) private pure returns (bytes32 extended) {
        assembly ("memory-safe") {
            mstore(0x00, head)
            let end := add(leaves.offset, leaves.length)
            for { let at := leaves.offset } lt(at, end) { at := add(at, 0x20) } {
                mstore(0x20, calldataload(at))
                mstore(0x00, keccak256(0x00, 0x40))
            }
            extended := mload(0x00)
        }
    }

    /// @dev The Merkle root, level by level over one copy of the leaves: node = keccak256(0x01 ‖ left ‖ right), an odd
    ///      one is carried up. The three words before the copy hold the node's 65 bytes.
    function _root(bytes calldata leaves) private pure returns (bytes32 root) {
        assembly ("memory-safe") {
            let node := mload(0x40)
            let level := add(node, 0x60)
            calldatacopy(level, leaves.offset, leaves.length)
            mstore8(node, 0x01)
            let count := shr(5, leaves.length)
            for {} gt(count, 1) {} {
                let to := level
                let pairs := add(level, shl(6, shr(1, count)))
                for { let from := level } lt(from, pairs) { from := add(from, 0x40) } {
                    mstore(add(node, 0x01), mload(from))
                    mstore(add(node, 0x21), mload(add(from, 0x20)))
                    mstore(to, keccak256(node, 0x41))
                    to := add(to, 0x20)
                }
                if and(count, 1) { mstore(to, mload(pairs)) }
                count := shr(1, add(count, 1))
            }
            root := mload(level)
        }
    }
}
